"""Write an explorable explanation: one HTML file in which a reader draws, runs and gathers campaigns."""

from pathlib import Path

TEXTS = Path(__file__).parent / "text"  # one file per language; defined here, so that it can be imported without pandas

"""Benchmarks that time functions by name find each of them."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import stages


@pytest.mark.parametrize("place", [*stages.STAGES, *stages.DRAWING, *stages.CALLED])
def test_every_timed_function_exists(place):
    module, _, name = place.rpartition(".")
    assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("path", sorted(Path(stages.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported(path):
    import_module(path.stem)

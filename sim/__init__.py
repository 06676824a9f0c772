"""Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis.

The Python interface, which runs campaigns with the same engine, settings and results folders as the command line:

    import sim

    study = sim.run(scenario="july_2021", runs=200)
    study.summary()

Names are imported when they are first used, so that `import sim` itself is fast.
"""

from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from typing import Any

    from sim.api.results import Fork, Score, Worlds
    from sim.api.study import Study
    from sim.api.tables import numbers, outcomes, settings
    from sim.api.verbs import assimilate, fork, open, run, score, sweep, write_explorable
    from sim.api.verdicts import Verdicts
    from sim.configuration.values import Interval
    from sim.errors import PanjError
    from sim.model import BorderCrisis

__version__ = "0.1.0"

__all__ = [
    "BorderCrisis", "Fork", "Interval", "PanjError", "Score", "Study", "Verdicts", "Worlds", "assimilate", "fork",
    "numbers", "open", "outcomes", "run", "score", "settings", "sweep", "write_explorable",
]  # fmt: skip

MODULES = {  # module that defines each public name
    **dict.fromkeys(("assimilate", "fork", "open", "run", "score", "sweep", "write_explorable"), "sim.api.verbs"),
    **dict.fromkeys(("Fork", "Score", "Worlds"), "sim.api.results"),
    **dict.fromkeys(("numbers", "outcomes", "settings"), "sim.api.tables"),
    "BorderCrisis": "sim.model",
    "Interval": "sim.configuration.values",
    "PanjError": "sim.errors",
    "Study": "sim.api.study",
    "Verdicts": "sim.api.verdicts",
}


def __getattr__(name: str) -> "Any":
    """Import a name of the Python interface when it is first used."""
    if name not in MODULES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    if name not in ("Interval", "PanjError"):
        from sim.options import require_extra

        require_extra("mesa" if name == "BorderCrisis" else "report", f"sim.{name}")
    value = getattr(import_module(MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

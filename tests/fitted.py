"""Helpers for tests of fits: targets, and prior samples of instant stand-in campaigns."""

from datetime import date
from typing import Any

import pytest
from quick import make_quick

from sim.__main__ import main
from sim.scoring.targets import Target


def target_of(name: str, value: float | None, event: str = "", **changes: Any) -> Target:
    """Return a fitted target for the outcome of the same name; `changes` are further fields."""
    plain = Target(name, event or name, "", "", date(2021, 7, 1), name, value, None, None, (), (), "rounded", "linear",
                   0.05, "fitted", "")  # fmt: skip
    return plain._replace(**changes)


def make_bank(patch: pytest.MonkeyPatch, *overrides: str) -> None:
    """Run `bank` with instant stand-in campaigns; the replacement lasts until the patch is undone."""
    for name in ("sim.execution.work.run_campaign", "sim.execution.run.run_campaign", "sim.__main__.drawing_apart"):
        patch.setattr(name, None)
    make_quick()
    assert main(["bank", *overrides]) == 0

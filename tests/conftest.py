"""Tests run the rules as plain Python: rules are compiled without the wrappers with which Python could call them."""

import os

if "PANJ_TEST_COMPILED" not in os.environ:
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything imports sim

from hypothesis import settings

settings.register_profile("panj", deadline=None, max_examples=40, derandomize=True, database=None)
settings.register_profile("hunt", deadline=None, max_examples=1000, database=None)
settings.load_profile(os.environ.get("PANJ_HYPOTHESIS", "panj"))


def pytest_configure(config):
    """Pytest resets the filter that `sim.chance` sets: 64-bit arithmetic wraps on purpose."""
    config.addinivalue_line("filterwarnings", "ignore:overflow encountered in scalar:RuntimeWarning")

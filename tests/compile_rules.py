"""Compile the rules as tests need them, so that the processes of the tests find them in the cache."""

from sim.configuration.sweep import compose_sweep
from sim.execution.compiling import compile_rules
from sim.model import BorderCrisis
from sim.terminal import console_of

if __name__ == "__main__":
    sweep = compose_sweep(["end_date=2021-05-03"])
    compile_rules(sweep.cells[0].order, sweep.base.seed, console_of())
    BorderCrisis(sweep.base, rng=1).step()  # a day alone is compiled apart

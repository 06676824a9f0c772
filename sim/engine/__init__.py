"""The compiled model: the world, random numbers, the rules and the order of a day."""

import sim.data.own_rules  # noqa: F401  # from here on, rules of the user are part of the day

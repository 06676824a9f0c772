"""The compiled model: the world, random numbers, the rules and the order of a day."""

import sim.data.own_rules  # noqa: F401  # registers the user's own rules as steps of the day

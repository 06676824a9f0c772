"""The compiled model: the world, random numbers, the rules and the order of a day."""

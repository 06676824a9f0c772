"""The model itself: the world, chance, the rules and the day; nothing else is compiled."""

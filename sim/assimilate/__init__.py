"""Condition campaigns, with all their numbers and random draws, on what was reported."""

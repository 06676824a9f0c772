"""Sample campaigns, with their numbers and random draws, conditional on what was reported."""

"""Sample campaigns, that is their uncertain numbers and random draws, conditional on what was reported."""

"""Sample campaigns (their uncertain numbers and random draws) conditional on the reported figures."""

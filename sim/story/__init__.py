"""Describe one campaign in sentences, and compare the two branches of a forked campaign."""

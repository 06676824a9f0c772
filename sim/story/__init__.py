"""Describe one campaign in sentences, and compare it with a fork in which a decision is changed."""

"""Describes one campaign in sentences, and compares it with a fork in which a decision is changed."""

"""Tells one campaign in sentences, and compares it with what-if branches."""

"""Shared chart tools and the page template."""

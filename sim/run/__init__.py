"""Runs campaigns on workers."""

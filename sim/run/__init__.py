"""Run campaigns on workers."""

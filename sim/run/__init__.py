"""Running campaigns on workers."""

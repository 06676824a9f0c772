"""Text to checked, typed settings; nothing downstream parses strings."""

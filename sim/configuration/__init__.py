"""Parse text into checked, typed settings, so that no other code has to parse strings."""

"""Parse text into checked, typed settings, so that no other code needs to parse strings."""

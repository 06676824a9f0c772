"""Everything that runs many campaigns."""

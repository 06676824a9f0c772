"""What was known and reported before anything is simulated."""

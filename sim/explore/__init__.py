"""Find which parameters matter for an outcome, and in which ranges it passes a threshold."""

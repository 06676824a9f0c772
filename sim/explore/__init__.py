"""Find which parameters matter for an outcome, and in which parameter ranges the outcome often passes a threshold."""

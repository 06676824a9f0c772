"""Draw the figures of a study and write its report."""

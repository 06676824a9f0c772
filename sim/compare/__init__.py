"""Comparison of cells with their baseline, paired by seed."""

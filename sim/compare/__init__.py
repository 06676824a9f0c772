"""Cells compared with their baseline, seed by seed."""

"""Compare cells with their baseline, paired by seed."""

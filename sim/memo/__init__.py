"""Write a brief of two pages on one outcome of a study: `python -m sim memo`."""

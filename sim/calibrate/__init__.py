"""Fits the uncertain parameters to the record, and checks the fits."""

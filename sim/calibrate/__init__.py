"""Fit the uncertain parameters to the record, and check the fits."""

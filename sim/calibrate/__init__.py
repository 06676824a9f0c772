"""Fits of the uncertain parameters to the record, and checks of the fits."""

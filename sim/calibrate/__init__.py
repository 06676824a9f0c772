"""Fits of the uncertain numbers to the record, and checks of the fits."""

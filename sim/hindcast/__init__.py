"""Hindcasts: forecasts from a day of the record, by campaigns and by naive methods, and their scores."""

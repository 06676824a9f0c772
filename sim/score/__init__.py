"""Scores the model against the record, next to naive forecasts."""

"""Scores the model against the record and compares it with naive forecasts."""

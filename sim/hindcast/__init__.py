"""Forecasts the rest of the record from earlier days, by campaigns and by naive methods, and scores the forecasts."""

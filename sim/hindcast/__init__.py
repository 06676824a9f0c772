"""Forecast the record from earlier days, by campaigns and by naive methods, and score the forecasts."""

"""Score the model against the record and compare it with naive forecasts."""

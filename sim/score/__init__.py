"""The model compared with the record and with naive forecasts."""

"""Sensitivity analysis and scenario discovery."""

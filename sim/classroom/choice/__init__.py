"""Choices of settings, as forms, command lines and YAML scenario files."""

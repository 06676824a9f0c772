"""Choices of settings: form, command line and YAML."""

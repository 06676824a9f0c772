"""Lessons, their answers, marks and notebooks."""

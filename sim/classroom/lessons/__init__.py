"""Lessons, with their answers, marks, hand-ins and notebooks."""

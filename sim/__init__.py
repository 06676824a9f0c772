"""Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis."""

__version__ = "0.1.0"

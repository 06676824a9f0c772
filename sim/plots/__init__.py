"""The chart kit and the frame of every page."""

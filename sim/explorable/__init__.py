"""Write an explorable explanation: one HTML file in which a reader draws, runs and gathers campaigns."""

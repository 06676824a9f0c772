"""Define the colours of figures and pages, chosen for colour-blind readers and poor projectors.

Simulated values are blue, and reported figures are orange.
"""

SIMULATED, SIMULATED_LIGHT, SIMULATED_DARK = "#2b5c8a", "#9dbdd8", "#173554"
SECOND, SAND, EARTH = "#7b5aa6", "#cdb98a", "#8c7230"
REPORTED, REPORTED_OTHER = "#c05a00", "#8a3b00"
INK, QUIET, FAINT = "#222222", "#666666", "#dddddd"

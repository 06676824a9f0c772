"""The classroom: one server for a class, in which students watch, change, compare and defend a claim."""

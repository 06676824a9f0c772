"""The classroom: one server for a class that watches and changes campaigns, compares choices and makes claims."""

"""The classroom: a web server on which a class watches and changes campaigns, compares choices and makes claims."""

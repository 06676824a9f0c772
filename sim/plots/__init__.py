"""Tools for charts, maps and result pages that several subcommands share."""

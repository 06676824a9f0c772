"""Write studies in formats of other programs: maps of districts, spreadsheets, CSV."""

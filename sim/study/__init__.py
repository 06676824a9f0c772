"""Storage of studies: chunks, tables and their readers."""

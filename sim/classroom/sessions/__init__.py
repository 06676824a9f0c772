"""Class sessions: teams, claims, the wall and their storage."""

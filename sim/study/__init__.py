"""Stores studies on disk and reads them: chunks of campaigns, and tables."""

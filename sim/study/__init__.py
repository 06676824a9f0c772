"""Store studies on disk and read them: chunks of campaigns, and tables."""

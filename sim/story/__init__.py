"""One campaign in sentences, and what-if branches of it."""

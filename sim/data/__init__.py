"""Read the input data: facts about districts and posts, and the reported record."""

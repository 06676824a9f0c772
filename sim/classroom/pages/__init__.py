"""The pages of the classroom, one file each; `Page` is what is shown."""

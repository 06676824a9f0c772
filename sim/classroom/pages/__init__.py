"""The pages of the classroom, one file each, with the component `Page`."""

"""The pages of the classroom; each file has one page, the component `Page`."""

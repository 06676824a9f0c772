"""Parts of the pages of a class session: joining, the wall, the teacher's marks and calls."""

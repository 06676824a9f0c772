"""From text to checked, typed settings; strings end here."""

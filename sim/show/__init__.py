"""Everything that looks at results; nothing here simulates."""

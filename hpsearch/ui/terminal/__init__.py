"""A search in the terminal: live picture, progress lines, tables."""

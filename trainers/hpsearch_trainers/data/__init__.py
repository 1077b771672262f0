"""Data sets by name, and readers for their file formats."""

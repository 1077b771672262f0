"""Reports of studies: documents built from snapshots by pure functions, and their writers."""

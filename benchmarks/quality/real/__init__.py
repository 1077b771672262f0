"""Searches with real trainers, at equal training steps: ours and its peers."""

"""Many trials of a `Trainer` in one loop over stacked parameters."""

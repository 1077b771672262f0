"""A training step as a recorded list of ATen operations, rewritten and replayed."""

"""How good the searches are that optimizers make: tasks, optimizers, runs and their report."""

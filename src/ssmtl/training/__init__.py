"""The training loop, its checkpoints and resuming."""

"""What a run needs around the algorithm: its configuration, metrics, checkpoints and evaluation."""

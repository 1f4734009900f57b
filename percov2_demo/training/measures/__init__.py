"""What is measured of a model in training."""

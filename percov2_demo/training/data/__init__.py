"""Batches of the training stages, the same on any number of processes."""

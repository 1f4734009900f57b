"""Entropy coding of indices and captions with models that give the same probabilities on every machine."""

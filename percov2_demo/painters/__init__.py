"""Painters: what turns a file into a picture, be it the codec's own network or a public text-to-image model."""

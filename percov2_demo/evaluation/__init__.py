"""Rates and metrics of a model over a folder of pictures, beside the classical codecs and published figures."""

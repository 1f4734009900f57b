"""Codecs as diffusers pipelines: a picture to a `Bitstream`, a `Bitstream` to a picture."""

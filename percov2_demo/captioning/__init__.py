"""Photos to captions, so that a text can be sent along that nobody has to write."""

"""Write captions of photos."""

"""Models as they are stored: where they are, on disk and on the hub, and what they must hold to be used."""

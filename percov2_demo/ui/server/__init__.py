"""The server around the page: errors, limits, files and their cleaning."""

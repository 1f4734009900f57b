"""How files are written: whole or not at all, and tables so that a spreadsheet computes nothing of them."""

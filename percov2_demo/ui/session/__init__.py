"""What is kept of one visitor's session."""

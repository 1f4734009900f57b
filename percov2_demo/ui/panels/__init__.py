"""What a visitor is shown: groups of output components."""

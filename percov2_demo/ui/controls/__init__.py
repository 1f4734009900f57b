"""What a visitor sets: groups of input components."""

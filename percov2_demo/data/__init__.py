"""Collections of captioned pictures, as they are stored."""

"""From noise to latents: the samplers, the path they follow, and their settings."""

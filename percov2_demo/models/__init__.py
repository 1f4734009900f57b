"""Network components that diffusers and transformers do not already have."""

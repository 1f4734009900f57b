"""Upload the app as a Space, and trained models, to the Hugging Face hub."""

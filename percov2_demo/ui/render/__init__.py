"""Values to markup and plots; nothing here knows of components or events."""

"""Work with the model: where it runs, how it is watched and stopped."""

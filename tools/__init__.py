"""Programs that developers run: soak, fuzzing, and the documents' tables and pictures."""

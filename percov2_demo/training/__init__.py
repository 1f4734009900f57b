"""Training stages. Each runs on any device, stops inside its time budget and resumes where it stopped."""

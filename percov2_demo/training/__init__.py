"""Training stages. Each runs on any device, stops after the step in which its time budget ends and resumes where it stopped."""

"""Training stages. Each runs on any device, stops with the step in which its time budget ends, and can be resumed."""

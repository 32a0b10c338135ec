"""What a person's browser on this machine talks to: loopback only."""

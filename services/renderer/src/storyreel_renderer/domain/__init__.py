"""What the renderer decides, without clock, randomness or input and output."""

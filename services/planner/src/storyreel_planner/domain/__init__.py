"""Pure rules of planning and directing: no clock, no randomness, no I/O. Knows the contracts and nothing else."""

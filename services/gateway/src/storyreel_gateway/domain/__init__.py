"""What can be decided without I/O: who may do what, which briefs pass, how facts become a film's view. Pure; no clock."""

"""What safety decides, as pure values: spelling, words, flashes, stillness, verdicts. No I/O, no clock, no settings."""

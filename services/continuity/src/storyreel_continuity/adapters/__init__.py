"""Outside things: threshold files, child processes, film decoding, evidence pictures. Nothing here decides."""

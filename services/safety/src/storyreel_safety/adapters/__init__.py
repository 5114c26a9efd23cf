"""Outside things: policy files, child processes, film decoding. One module each; nothing here decides."""

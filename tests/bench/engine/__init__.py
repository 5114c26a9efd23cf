"""Benches of the step engine on a virtual device, beside what plain Triton offers. `make bench-engine` runs them."""

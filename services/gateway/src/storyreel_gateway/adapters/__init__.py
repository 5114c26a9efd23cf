"""One file per outside thing: Redis, the tenants' file, the sandboxed probe, video frames."""

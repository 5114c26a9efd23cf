"""The engine: what runs inside Triton and turns a render request into frames, one denoise step at a time.

One thread owns the device. Triton's `execute` only validates, hands the request over and returns; the engine's loop
drains new and cancelled jobs, chooses one unit of work (often a pass of several jobs), does it, and posts what happened.

This room may know: diffusion pipelines (behind `ports.Pipeline`), Triton's Python backend (in `server.py` only), and
its own wire contract (README.md). It must never know Kafka, Redis, object storage, films, tenants or money: the
renderer service speaks for those. What decides and what loops (`engine`, `worker`, `job`, `policy`, `batching`, `costs`,
`shares`, `mail`, `thread`, `wire`, `card`, `ports`) imports neither torch nor Triton.
"""

__version__ = "0.1.0"

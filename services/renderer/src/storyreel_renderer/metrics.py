"""The renderer's metric catalogue. Labels are tiers, servers and kinds: never a tenant or a film."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600)

REQUESTS = Counter("storyreel_renderer_requests", "Requests answered, by tier and what became of them", ["tier", "outcome"])
DEVICE_SECONDS = Counter("storyreel_renderer_device_seconds", "Device seconds used, kept in a take or wasted", ["tier", "fate"])
TRIES = Counter("storyreel_renderer_tries", "Tries on a server, by how they ended", ["tier", "end"])
RESUMED = Counter("storyreel_renderer_resumed", "Tries that went on from a checkpoint", ["tier"])
CHECKPOINTS = Counter("storyreel_renderer_checkpoints", "Checkpoints handed out by servers", ["result"])
UNTOLD = Counter("storyreel_renderer_untold_progress", "Progress that could not be told to those who watch")
STALE = Counter("storyreel_renderer_stale_results", "Results refused because their lease had passed to another")
WAITING = Gauge("storyreel_renderer_waiting_jobs", "Jobs that wait for a server", ["tier"])
WAIT = Histogram(
    "storyreel_renderer_wait_seconds", "Seconds from having the lease to having a server", ["tier"], buckets=SECONDS
)
RUNNING = Gauge("storyreel_renderer_running_jobs", "Jobs on a server", ["server"])
SERVER_UP = Gauge(
    "storyreel_renderer_server_up", "1 while the server answers, its model is known and it does not hang", ["server"]
)
BREAKER = Gauge("storyreel_renderer_breaker", "Circuit breaker: 0 closed, 1 half-open (one job, to see), 2 open", ["server"])
BREAKER_OPENED = Counter("storyreel_renderer_breaker_openings", "Times that a server was left alone after faults", ["server"])
WEDGED = Counter("storyreel_renderer_wedged_jobs", "Jobs taken off a server on which nothing moved", ["server"])
SEAM = Histogram(
    "storyreel_renderer_seam", "Change at a window's edge over the usual change", buckets=(0.5, 1, 1.5, 2, 3, 5, 10)
)
TAIL = Histogram("storyreel_renderer_tail_seconds", "Seconds from the last frame to the take in the store", buckets=SECONDS)

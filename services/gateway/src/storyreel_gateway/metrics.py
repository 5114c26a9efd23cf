"""The gateway's metric catalogue."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("storyreel_http_requests", "HTTP requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "storyreel_http_request_seconds", "Seconds from request to answer (streams excluded)", ["route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 5, 30),
)  # fmt: skip
BRIEFS = Counter("storyreel_briefs", "Briefs read, by door and fate", ["door", "fate"])
PROBES = Counter("storyreel_probes", "Uploaded files looked into by the sandboxed child", ["outcome"])
STREAMS = Gauge("storyreel_event_streams", "People and systems that watch a film just now")
CLAIMS = Counter("storyreel_outcome_claims", "Claims of a film version's end by the gateway", ["outcome"])
MENDED = Counter("storyreel_mended_intents", "Terminal facts written after a crash between claim and fact")

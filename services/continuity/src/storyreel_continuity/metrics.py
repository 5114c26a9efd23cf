"""This room's metric catalogue. Labels are outcomes: never a tenant or a film."""

from prometheus_client import Counter, Histogram

TAKES = Counter("storyreel_continuity_takes", "Takes, measured or not", ["outcome"])
GAPS = Counter("storyreel_continuity_tier_gaps", "Finals compared with their previews", ["outcome"])
MEASURING_SECONDS = Histogram(
    "storyreel_continuity_measuring_seconds", "Seconds per take", buckets=(0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)
)

"""What this room measures. Labels are few and bounded."""

from prometheus_client import Counter, Histogram

SEGMENTS = Counter("storyreel_assembler_segments", "Segments of cuts, by whether they were encoded or found.", ["how"])
STEP_SECONDS = Histogram(
    "storyreel_assembler_step_seconds",
    "Seconds of one step of a cut (segment, sound, join, thumbnail, sign).",
    ["step"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
)
FILMS = Counter("storyreel_assembler_films", "Jobs ended, by job and how.", ["job", "how"])
WARNINGS = Counter("storyreel_assembler_warnings", "Warnings written into manifests.")

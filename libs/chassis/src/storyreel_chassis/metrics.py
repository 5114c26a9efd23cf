"""The chassis' metric catalogue. Lag carries the names that kminion and kafka_exporter boards already plot."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)

HANDLED = Counter("storyreel_events", "Records handled, by what became of them", ["type", "outcome"])
HANDLING = Histogram("storyreel_event_seconds", "Seconds from taking a record to its being done", ["type"], buckets=SECONDS)
PUBLISHED = Counter("storyreel_facts_published", "Facts written", ["type"])
UNKNOWN = Counter("storyreel_unknown_events", "Records of types that this version does not know; skipped", ["topic"])
RETRIED = Counter("storyreel_retries", "Records parked in a retry topic", ["lane", "kind"])
DEAD = Counter("storyreel_dead_letters", "Records written to the dead-letter topic", ["kind"])
STOPPED = Gauge("storyreel_topic_stopped", "1 for a topic that is no longer taken: too many of its records died", ["topic"])
COMMIT_FAILURES = Counter("storyreel_commit_failures", "Offset commits that the broker refused", ["error"])
CONFLICTS = Counter("storyreel_fold_conflicts", "Folds that another replica changed first; decided again")
REPLAYS = Counter("storyreel_replays", "Partitions read again from an earlier offset because the fold store was behind")
LOOP_LAG = Gauge("storyreel_loop_lag_seconds", "How late the event loop ran its last tick")
IN_FLIGHT = Gauge("storyreel_in_flight", "Records taken and not done")

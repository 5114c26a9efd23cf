"""This room's metric catalogue. Labels are rules, severities and kinds of work: never a tenant or a film."""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram
from storyreel_contracts import Finding

FINDINGS = Counter("storyreel_safety_findings", "Findings, by rule and severity", ["rule", "severity"])
FAILED_CHECKS = Counter("storyreel_safety_failed_checks", "Screenings that could not be done, by kind of work", ["work"])
SCREENING_SECONDS = Histogram(
    "storyreel_safety_screening_seconds",
    "Seconds per screening, by kind of work",
    ["work"],
    buckets=(0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300),
)


def count_findings(findings: Iterable[Finding]) -> None:
    """Count what a screening found."""
    for finding in findings:
        FINDINGS.labels(finding.rule, finding.severity.value).inc()

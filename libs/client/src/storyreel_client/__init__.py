"""The client room: the Python SDK and the `storyreel` command, for campaign systems and operators.

May know: the contracts, the gateway's HTTP interface, Kafka as any outsider sees it. May never: import a service or the
chassis, read Redis or the store past a presigned address, decide anything about a film. Walk: `sdk`, `publishing`, `cli.app`.
"""

from storyreel_client.errors import (
    BriefError,
    Exit,
    NotFoundError,
    StoryreelError,
    UnreachableError,
    UsageError,
    VerificationError,
)
from storyreel_client.provenance import Report, State, verify
from storyreel_client.publishing import BriefPublisher, Receipt
from storyreel_client.sdk import Storyreel, connect
from storyreel_client.stack import Stack
from storyreel_client.views import FilmView, Review, ShotView, Submission, Summary

__all__ = [
    "BriefError",
    "BriefPublisher",
    "Exit",
    "FilmView",
    "NotFoundError",
    "Receipt",
    "Report",
    "Review",
    "ShotView",
    "Stack",
    "State",
    "Storyreel",
    "StoryreelError",
    "Submission",
    "Summary",
    "UnreachableError",
    "UsageError",
    "VerificationError",
    "connect",
    "verify",
]

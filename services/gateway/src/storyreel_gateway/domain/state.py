"""The fold: what the gateway knows of one film. Built by `reading`, shown by `presenting`.

Every slot merges by a total order of its facts (time, then id): in any order, and twice, the facts give the same state.
"""

from pydantic import Field
from storyreel_contracts import Model

from storyreel_gateway.domain.slots import (
    Approved,
    Assembled,
    Cut,
    Downgrade,
    Edited,
    Line,
    Match,
    Outcome,
    Planned,
    Rejected,
    Requested,
    Review,
    Ruling,
    Take,
)

HISTORY_LIMIT = 600  # lines kept per film, newest first; more than a film of sixty shots with its attempts brings


class VersionState(Model):
    """What is known of one version of the film."""

    edited: Edited | None = None
    planned: Planned | None = None
    rulings: dict[str, Ruling] = Field(default_factory=dict, description="by subject:key")
    takes: dict[str, Take] = Field(default_factory=dict, description="by shot/tier/attempt")
    matches: dict[str, Match] = Field(default_factory=dict, description="by build key")
    downgrades: dict[str, Downgrade] = Field(default_factory=dict, description="by shot/tier")
    cuts: dict[str, Cut] = Field(default_factory=dict, description="by tier")
    assembled: dict[str, Assembled] = Field(default_factory=dict, description="by tier")
    reviews: dict[str, Review] = Field(default_factory=dict, description="by review id")
    approved: Approved | None = None
    outcome: Outcome | None = None


class FilmState(Model):
    """What is known of one film."""

    film_id: str = ""
    tenant_id: str = ""
    requested: Requested | None = None
    rejected: Rejected | None = None
    versions: dict[int, VersionState] = Field(default_factory=dict)
    history: list[Line] = Field(default_factory=list, description="newest first")

    @property
    def newest(self) -> int:
        """Number of the newest version that anything is known of."""
        return max(self.versions, default=1)

    def version(self, number: int) -> VersionState:
        """State of a version; empty if nothing is known of it yet."""
        return self.versions.get(number) or VersionState()

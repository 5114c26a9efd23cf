"""Policy as data: what fires, how much it weighs, what helps. Read from YAML by an adapter, made effective here.

A tenant's policy `extends` another one and lays a patch over it; a category lays one more. The version of a policy is the
hash of its effective data, so any change of data is a change of version and nothing is answered from an older verdict.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from storyreel_contracts import PolicyRef, Remedy, Severity, build_key

Stage = Literal["take", "film"]
Data = Mapping[str, Any]
MAX_DEPTH = 8  # policies that extend each other in a circle are found here


class PolicyMissing(LookupError):  # noqa: N818 - named after what is the matter
    """No policy of that name, or it cannot be read: nothing may pass."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Way(_Data):
    """A way out of a block, as policy data."""

    action: Literal["rewrite", "new_seed", "replace_media", "human_review", "drop_caption", "slow_down"]
    explanation: str

    def at(self, field: str) -> Remedy:
        """The remedy for one place."""
        return Remedy(action=self.action, explanation=self.explanation, field=field)


class Rule(_Data):
    """What every rule says."""

    category: str
    severity: Severity
    explanation: str
    remedy: Way


class WordRule(Rule):
    """Fires on a term; with `near`, only where one of those stands in the same passage; never inside `unless`."""

    terms: list[str] = Field(min_length=1)
    near: list[str] = []
    unless: list[str] = []


class BlackRule(Rule):
    """Fires on black longer than `run_max_s`."""

    pixel_luma_max: float = Field(ge=0, le=1, description="luma at or below which a pixel is black, 0..1")
    area_min: float = Field(gt=0, le=1, description="share of black pixels that makes a frame black")
    run_max_s: float = Field(ge=0, description="seconds")


class FrozenRule(Rule):
    """Fires when nothing moves for longer than `run_max_s`; grain, a blink or a breath is movement."""

    change_min_codes: int = Field(ge=1, le=255, description="8-bit codes by which a pixel must differ to have changed")
    changed_area_max: float = Field(ge=0, lt=1, description="share of changed pixels up to which a frame repeats the last")
    run_max_s: float = Field(gt=0, description="seconds")


class FlashRule(Rule):
    """ITU-R BT.1702: fires on more than `flashes_max` flashes within one second over more than `area_max`."""

    change_min: float = Field(gt=0, description="opposing change that is half a flash; cd/m2, or WCAG's red units")
    dark_max: float | None = Field(default=None, description="the darker state must be below this, cd/m2; None: any")
    area_max: float = Field(gt=0, lt=1, description="share of the picture")
    flashes_max: int = Field(ge=1, description="flashes allowed within one second")


class FootageRules(_Data):
    """Checks of moving pictures at one stage."""

    black: BlackRule
    frozen: FrozenRule
    flash: FlashRule
    red_flash: FlashRule


class Display(_Data):
    """The screen that the broadcast rule thinks of."""

    peak_cd_m2: float = Field(gt=0)
    gamma: float = Field(gt=0)


class Policy(_Data):
    """The data in force for one tenant's policy and one category."""

    id: str
    review_due_s: int = Field(gt=0, description="seconds a reviewer has; afterwards the subject is blocked")
    unsure_severity_max: Severity = Field(description="most that a word glued together from pieces can weigh")
    ordinary_words: frozenset[str]
    words: dict[str, WordRule] = Field(min_length=1)
    display: Display
    footage: dict[Stage, FootageRules]
    undecodable: Rule

    @cached_property
    def ref(self) -> PolicyRef:
        """Name and hash of this data."""
        return PolicyRef(id=self.id, version=_hash(self))


def _hash(policy: Policy) -> str:
    plain = policy.model_dump(mode="json")
    plain["ordinary_words"] = sorted(plain["ordinary_words"])
    return build_key("policy", plain)


def effective(policies: Mapping[str, Data], name: str, category: str) -> Policy:
    """The data in force. Raises PolicyMissing (no such policy), ValueError (data that is no policy)."""
    data = _extended(policies, name, MAX_DEPTH)
    categories = data.pop("categories", {})
    return Policy.model_validate(_laid_over(data, categories.get(category, {})) | {"id": name})


def _extended(policies: Mapping[str, Data], name: str, depth: int) -> dict[str, Any]:
    if name not in policies or depth == 0:
        raise PolicyMissing(f"no policy named {name!r}" if depth else f"policy {name!r} extends itself")
    own = dict(policies[name])
    base = own.pop("extends", None)
    return _laid_over(_extended(policies, base, depth - 1), own) if base else own


def _laid_over(base: Data, patch: Data) -> dict[str, Any]:
    """`patch` over `base`: tables merge, everything else is replaced, None removes."""
    merged = dict(base)
    for key, value in patch.items():
        below = merged.get(key)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _laid_over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged

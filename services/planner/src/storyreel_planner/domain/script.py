"""A script: what any backend writes, before it is laid on the frame grid. Checked here, whoever wrote it.

The schema is also what a language model must answer with (`answer_schema`), so its limits are stated once.
"""

from typing import Any

from pydantic import ConfigDict, Field, field_validator
from storyreel_contracts import Brief, Camera, Model, Transition

from storyreel_planner.domain.words import Size, one_line

MAX_SUBJECT = 4_000
MAX_CAPTION = 84  # two lines of 42 characters
SHORTEST_S = 1.0
LONGEST_S = 8.0


class Written(Model):
    """Base of what a backend writes: strict about its fields, free of control characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        return one_line(value) if isinstance(value, str) else value


class CastMember(Written):
    """Someone or something that must look the same in every shot."""

    id: str = Field(pattern=r"^[\w.-]{1,64}$")
    name: str = Field(min_length=1, max_length=80)
    description: str = Field(max_length=500)


class ScriptShot(Written):
    """One shot in words."""

    scene: str = Field(min_length=1, max_length=80, description="title of the scene; equal titles in a row are one scene")
    beat: str = Field(min_length=1, max_length=200, description="what the scene does in the story")
    seconds: float = Field(gt=0, le=300)
    subject: str = Field(min_length=1, max_length=MAX_SUBJECT, description="who or what is seen doing what, where")
    size: Size
    camera: Camera
    transition_in: Transition = Transition.CUT
    caption: str = Field(default="", max_length=500)
    narration: str = Field(default="", max_length=500)
    cast: list[str] = Field(default_factory=list, max_length=8, description="ids of cast members in the picture")


class Script(Written):
    """The film in words."""

    title: str = Field(min_length=1, max_length=120)
    logline: str = Field(min_length=1, max_length=400)
    style: str = Field(min_length=1, max_length=200)
    setting: str = Field(min_length=1, max_length=200)
    lighting: str = Field(min_length=1, max_length=200)
    cast: list[CastMember] = Field(default_factory=list, max_length=8)
    shots: list[ScriptShot] = Field(min_length=1, max_length=150)


def answer_schema() -> dict[str, Any]:
    """JSON Schema of a script in the strict dialect of OpenAI-compatible endpoints: every property is required."""
    strict: dict[str, Any] = _strict(Script.model_json_schema())
    return strict


def faults(script: Script, brief: Brief) -> list[str]:
    """What is wrong with a script for this brief, in words that its writer can act on; empty if nothing is."""
    found = [
        *_wrong_count(script, brief),
        *_wrong_lengths(script, brief),
        *_wrong_cast(script),
        *_wrong_captions(script, brief),
    ]
    return found[:12]


def _wrong_count(script: Script, brief: Brief) -> list[str]:
    if brief.storyboard and len(script.shots) != len(brief.storyboard):
        return [f"shots: the storyboard has {len(brief.storyboard)} frames, the script {len(script.shots)} shots"]
    return []


def _wrong_lengths(script: Script, brief: Brief) -> list[str]:
    if brief.storyboard:
        return []  # the storyboard's own times hold
    shortest = min(SHORTEST_S, brief.duration_s)
    wrong = [
        f"shots[{i}].seconds is {s.seconds:g}, it must be {shortest:g} to {LONGEST_S:g}"
        for i, s in enumerate(script.shots)
        if not shortest <= s.seconds <= LONGEST_S
    ]
    total = sum(s.seconds for s in script.shots)
    if abs(total - brief.duration_s) > 0.5:
        wrong.append(f"shots: their seconds add up to {total:g}, the film lasts {brief.duration_s:g}")
    return wrong


def _wrong_cast(script: Script) -> list[str]:
    known = {member.id for member in script.cast}
    wrong = [
        f"shots[{i}].cast names {name!r}, which is not in cast"
        for i, shot in enumerate(script.shots)
        for name in shot.cast
        if name not in known
    ]
    if len(known) != len(script.cast):
        wrong.append("cast: two members have the same id")
    return wrong


def _wrong_captions(script: Script, brief: Brief) -> list[str]:
    if brief.storyboard:
        return []  # the storyboard's own words hold
    return [
        f"shots[{i}].caption has {len(s.caption)} characters, at most {MAX_CAPTION} can be read"
        for i, s in enumerate(script.shots)
        if len(s.caption) > MAX_CAPTION
    ]


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {k: _strict(v) for k, v in schema.items() if k not in {"default", "title"} or isinstance(v, dict)}
    if schema.get("type") == "object" and "properties" in plain:
        plain |= {"additionalProperties": False, "required": list(plain["properties"])}
    return plain

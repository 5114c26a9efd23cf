"""The brief: what a campaign wants. Limits stand here so that both doors (HTTP, Kafka) refuse the same things."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Model, OpenEnum

MAX_DURATION_S = 300.0
MAX_PROMPT_CHARS = 4_000
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", description="sRGB colour, #rrggbb")]
Aspect = Literal["16:9", "9:16", "1:1"]
Text = Annotated[str, Field(max_length=500)]


class Tier(OpenEnum):
    """Quality class of a render, in the order in which a film passes them."""

    KEYFRAME = "keyframe"
    PREVIEW = "preview"
    FINAL = "final"
    UNKNOWN = "unknown"


class Role(OpenEnum):
    """What a reference picture or sound is for."""

    PRODUCT = "product"
    LOGO = "logo"
    CHARACTER = "character"
    PLACE = "place"
    STYLE = "style"
    STORYBOARD = "storyboard"
    MUSIC = "music"
    UNKNOWN = "unknown"


class Camera(OpenEnum):
    """Camera move of a shot."""

    STATIC = "static"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    TRACK = "track"
    UNKNOWN = "unknown"


class Transition(OpenEnum):
    """How a shot is entered."""

    CUT = "cut"
    DISSOLVE = "dissolve"
    UNKNOWN = "unknown"


class Reference(Model):
    """Material that the brief brings: uploaded bytes by reference, or a key in the tenant's upload area."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")
    role: Role
    artifact: ArtifactRef
    description: Text = ""


class StoryboardFrame(Model):
    """One shot as the campaign wants it; times are seconds from the film's start."""

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARS)
    caption: Text = ""
    narration: Text = ""
    picture: str = Field(default="", description="id of a reference that shows this frame, or empty")
    camera: Camera = Camera.STATIC
    transition_in: Transition = Transition.CUT


class BrandKit(Model):
    """How the brand must look."""

    name: str = Field(min_length=1, max_length=80)
    primary_color: Colour
    text_color: Colour = "#ffffff"
    logo: str = Field(default="", description="id of the reference with role `logo`, or empty")
    call_to_action: str = Field(default="", max_length=80)
    end_card_s: float = Field(default=0.0, ge=0, le=10, description="seconds at the end that carry the end card")


class Captions(Model):
    """Whether captions are burned in; WebVTT is always written."""

    burn_in: bool = True


class Narration(Model):
    """Voice of the narration; the offline voice is synthetic and the manifest says so."""

    voice: str = Field(default="en", max_length=32, description="espeak-ng voice name")
    words_per_minute: int = Field(default=165, ge=80, le=400)


class Budget(Model):
    """The most that the film may cost."""

    amount: Decimal = Field(gt=0, le=100_000, decimal_places=6)
    currency: Literal["USD"] = "USD"

    @property
    def micros(self) -> int:
        """The amount in millionths of a dollar."""
        return int(self.amount * 1_000_000)


class Lora(Model):
    """A trained look beside a model's weights (a low-rank adapter), by the name that the model's card gives it."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")
    scale: float = Field(default=1.0, gt=0, le=2, description="how strongly it is mixed in")


class Approval(OpenEnum):
    """Who lets finals be rendered once the preview cut is there."""

    AUTOMATIC = "automatic"
    PERSON = "person"
    UNKNOWN = "unknown"


class Brief(Model):
    """What a campaign asks for. A given storyboard is honoured frame by frame; without one the planner writes it."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARS)
    title: str = Field(default="", max_length=120)
    campaign_ref: str = Field(default="", max_length=128, description="the campaign system's own reference, echoed back")
    storyboard: list[StoryboardFrame] = Field(default_factory=list, max_length=60)
    references: list[Reference] = Field(default_factory=list, max_length=32)
    duration_s: float = Field(ge=1, le=MAX_DURATION_S, description="seconds")
    aspects: list[Aspect] = Field(default=["16:9"], min_length=1, max_length=3)
    fps: Literal[24, 25, 30] = 24
    brand: BrandKit | None = None
    captions: Captions = Captions()
    narration: Narration | None = None
    tier: Literal["preview", "final"] = "final"
    deadline: AwareDatetime | None = None
    budget: Budget = Budget(amount=Decimal(20))
    locale: str = Field(default="en", pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")
    category: str = Field(default="general", max_length=40, pattern=r"^[a-z0-9_-]+$")
    approval: Approval = Approval.AUTOMATIC
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    lora: Lora | None = Field(default=None, description="trained look of every shot; a model that lacks it renders without")

    @model_validator(mode="after")
    def _storyboard_covers_the_film(self) -> Self:
        at = 0.0
        for i, frame in enumerate(self.storyboard):
            at = _check_frame(i, frame, at)
        if self.storyboard and abs(at - self.duration_s) > 0.001:
            raise ValueError(f"storyboard[{len(self.storyboard) - 1}].end_s is {at:g} but duration_s is {self.duration_s:g}")
        return self

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        ids = [r.id for r in self.references]
        if len(ids) != len(set(ids)):
            raise ValueError("references: two references have the same id")
        for i, frame in enumerate(self.storyboard):
            if frame.picture and frame.picture not in ids:
                raise ValueError(f"storyboard[{i}].picture names {frame.picture!r}, which is not in references")
        if self.brand and self.brand.logo and self.brand.logo not in ids:
            raise ValueError(f"brand.logo names {self.brand.logo!r}, which is not in references")
        if len(self.aspects) != len(set(self.aspects)):
            raise ValueError("aspects: the same aspect stands twice")
        return self

    def is_late(self, now: datetime) -> bool:
        """Whether the deadline has passed at `now`."""
        return self.deadline is not None and self.deadline <= now


def _check_frame(i: int, frame: StoryboardFrame, at: float) -> float:
    if frame.end_s <= frame.start_s:
        raise ValueError(f"storyboard[{i}].end_s must be later than its start_s")
    if frame.start_s < at - 0.001:
        raise ValueError(f"storyboard[{i}].start_s is {frame.start_s:g} and overlaps the frame before, which ends at {at:g}")
    if frame.start_s > at + 0.001:
        raise ValueError(f"storyboard[{i}].start_s is {frame.start_s:g} and leaves a gap after {at:g}")
    return frame.end_s

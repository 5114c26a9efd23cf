"""The plan: script, shot list, bible, price and finish time. Time on the film's grid is counted in frames."""

from typing import Literal

from pydantic import AwareDatetime, Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Micros, Model, Sha256
from storyreel_contracts.brief import Aspect, BrandKit, Camera, Captions, Colour, Lora, Narration, Tier, Transition
from storyreel_contracts.prompt_writer import PromptWriter


class ModelRef(Model):
    """A model at one exact version."""

    name: str
    version: str = Field(description="hash of the weights or release tag; part of every build key")


class ModelCard(Model):
    """What a video model can do; made beside the weights, read by planner and renderer."""

    name: str
    version: str = Field(description="hash of the weights")
    stages: list[Tier] = Field(min_length=1, description="tiers that the model can render")
    sizes: dict[Tier, dict[Aspect, tuple[int, int]]] = Field(description="width and height in pixels by tier and aspect")
    fps: int = Field(ge=1, le=60)
    max_frames: int = Field(ge=1, description="most frames of one render, or of one window of it")
    frame_rule: str = Field(default="4k+1", pattern=r"^[1-9][0-9]?k\+1$", description="frame counts that the model makes")
    window_overlap: int = Field(
        default=0,
        ge=0,
        description="frames that windows of a longer shot share; 0: none are made, 1: each goes on from the last",
    )
    steps: dict[Tier, int] = Field(description="denoise steps by tier")
    guidance: float = Field(default=1.0, ge=0)
    device_seconds: dict[Tier, float] = Field(description="expected device seconds of one full-length render by tier")
    draft_steps: int = Field(
        default=0, ge=0, description="a preview is the final's first so many steps; 0: previews are renders of their own"
    )
    first_frame: Literal["none", "optional", "required"] = Field(
        default="none", description="whether a render starts from a given picture"
    )
    loras: list[str] = Field(default_factory=list, description="trained looks that a render may ask for by name")
    prompt_writer: PromptWriter | None = Field(
        default=None, description="how a brief's words become this model's; none: it reads plain sentences"
    )

    @property
    def frame_step(self) -> int:
        """Frames between two counts that the model makes."""
        return int(self.frame_rule.partition("k")[0])

    @property
    def ref(self) -> ModelRef:
        """The model at this version."""
        return ModelRef(name=self.name, version=self.version)


class Box(Model):
    """Rectangle in fractions of the picture (0..1), origin top left."""

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)


class Character(Model):
    """Someone or something that must look the same in every shot."""

    id: str
    name: str
    description: str
    reference: ArtifactRef | None = None


class Bible(Model):
    """What holds the film together; continuity measures takes against it."""

    characters: list[Character] = Field(default_factory=list)
    style: str
    setting: str
    lighting: str
    palette: list[Colour] = Field(default_factory=list)


class PlannedShot(Model):
    """One shot of the film."""

    shot_id: str = Field(pattern=r"^s\d{2,3}$")
    start_frame: int = Field(ge=0, description="first frame on the film's grid")
    frames: int = Field(ge=1, description="length on the film's grid, frames")
    prompt: str
    negative_prompt: str = ""
    camera: Camera = Camera.STATIC
    caption: str = ""
    narration: str = ""
    transition_in: Transition = Transition.CUT
    characters: list[str] = Field(default_factory=list, description="ids from the bible")
    picture: ArtifactRef | None = Field(default=None, description="storyboard picture of this shot")
    subject: Box = Box(x=0.25, y=0.15, width=0.5, height=0.7)
    seed: int = Field(ge=0, lt=2**31)
    end_card: bool = False


class Scene(Model):
    """A run of shots with one purpose."""

    title: str
    beat: str = Field(description="what this scene does in the story")
    shot_ids: list[str]


class Substitution(Model):
    """Something the brief asked for that the planner replaced; never silent."""

    field: str
    wanted: str
    chosen: str
    reason: str


class SkippedStage(Model):
    """A tier that this film does not pass, with the reason."""

    tier: Tier
    reason: str


class Backend(Model):
    """Who wrote the plan."""

    name: str = Field(description="template, openai or transformers")
    model: str = ""
    prompt_sha256: Sha256 | None = None
    answer: ArtifactRef | None = Field(default=None, description="the stored answer that this plan was read from")


class Estimate(Model):
    """Price and time before any device second is spent."""

    price_micros: Micros
    device_seconds: float = Field(ge=0)
    finish_at: AwareDatetime


class Plan(Model):
    """Everything the other rooms need to know about what the film is to be."""

    title: str
    logline: str
    fps: int = Field(ge=1, le=60)
    frames: int = Field(ge=1, description="length of the film, frames")
    aspects: list[Aspect]
    bible: Bible
    scenes: list[Scene]
    shots: list[PlannedShot]
    brand: BrandKit | None = None
    logo: ArtifactRef | None = None
    product: ArtifactRef | None = None
    captions: Captions = Captions()
    narration: Narration | None = None
    locale: str = "en"
    category: str = "general"
    model: ModelRef
    lora: Lora | None = None
    backend: Backend
    substitutions: list[Substitution] = Field(default_factory=list)
    skipped: list[SkippedStage] = Field(default_factory=list)
    estimate: Estimate

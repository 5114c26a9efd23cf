"""What each segment is made of. A recipe holds every input of its bytes and nothing else; its key is their hash.

Nothing here knows where in the film a segment stands, so moving a shot does not rebuild it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from storyreel_assembler.domain.captions import LINE_CHARS, Cue, cues_of
from storyreel_assembler.domain.film import SIZES, Aspect, Box, Brand, Film, Size, Take, Tier
from storyreel_assembler.domain.framing import Window, compose, seen
from storyreel_assembler.domain.grade import Grade
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.layout import CARD_BLEND_FRAMES, Layout, Pace, Piece, Span, pace


@dataclass(frozen=True, slots=True)
class Encoder:
    """x264 settings that are the same for all segments of a film, so that packets can be joined without decoding."""

    preset: str = "veryfast"
    crf: int = 18
    keyint: int = 48
    bframes: int = 2
    recipe: int = 1  # raise when drawing or encoding changes what comes out


FROM_RIGHT = {"ar", "he", "fa", "ur", "yi"}
ENCODERS: dict[Tier, Encoder] = {"final": Encoder(), "preview": Encoder(preset="superfast", crf=23)}


@dataclass(frozen=True, slots=True)
class Source:
    """Frames out of a take: position `start + i * step` of the take for output frame `i`, windowed and graded."""

    take_sha256: str
    start: float
    step: float
    window: Window
    grade: Grade


@dataclass(frozen=True, slots=True)
class Card:
    """The end card; it comes up over `blend` frames. `raised` makes room below for words that still stand."""

    name: str
    call_to_action: str
    primary_color: str
    text_color: str
    logo_sha256: str
    blend: int
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """One segment. `cues` count from the segment's first frame and may reach beyond it; `other` is what a dissolve goes to."""

    kind: Literal["body", "dissolve", "card"]
    frames: int
    fps: int
    size: Size
    source: Source
    encoder: Encoder
    toolchain: str
    other: Source | None = None
    cues: tuple[Cue, ...] = ()
    accent: str = ""
    line_chars: int = 42
    rtl: bool = False
    subject: Box | None = None
    logo_sha256: str = ""
    card: Card | None = None

    @property
    def key(self) -> str:
        """Build key of the segment (64 hexadecimal digits)."""
        return key_of("segment", self)


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What a cut is built with: the takes by shot id, their grades, the tier and the versions of the tools."""

    film: Film
    layout: Layout
    takes: Mapping[str, Take]
    grades: Mapping[str, Grade]
    tier: Tier
    toolchain: str


def recipe_of(kitchen: Kitchen, piece: Piece, aspect: Aspect) -> Recipe:
    """The recipe of one piece in one aspect. Raises `Unbuildable` for a take that has no motion, KeyError without one."""
    film, size = kitchen.film, SIZES[kitchen.tier, aspect]
    plain = Recipe(
        kind=piece.kind,
        frames=piece.span.frames,
        fps=film.fps,
        size=size,
        source=_source(kitchen, piece.shot, piece.span.first, size),
        encoder=ENCODERS[kitchen.tier],
        toolchain=kitchen.toolchain,
        logo_sha256=film.brand.logo_sha256 if film.brand else "",
    )
    if piece.kind == "dissolve":
        before = _source(kitchen, piece.shot - 1, piece.span.first, size)
        return replace(plain, source=before, other=plain.source)
    if piece.kind == "card" and film.brand:
        plain = replace(plain, card=_card(film.brand, piece.span))
    cues = _cues(kitchen, piece) if film.burn_in else ()
    if not cues:
        return plain
    raised = replace(plain, card=replace(plain.card, raised=True)) if plain.card else plain
    return _captioned(kitchen, raised, piece, cues, aspect)


def _captioned(kitchen: Kitchen, plain: Recipe, piece: Piece, cues: tuple[Cue, ...], aspect: Aspect) -> Recipe:
    """With inputs that only words need; wordless segments do not depend on them."""
    film, shot = kitchen.film, kitchen.film.shots[piece.shot]
    return replace(
        plain,
        cues=cues,
        accent=film.brand.primary_color if film.brand else "#ffffff",
        line_chars=LINE_CHARS[aspect],
        rtl=film.locale.split("-")[0] in FROM_RIGHT,
        subject=seen(shot.subject, kitchen.takes[shot.shot_id].size, plain.source.window),
    )


def _source(kitchen: Kitchen, index: int, first: int, size: Size) -> Source:
    shot, placed = kitchen.film.shots[index], kitchen.layout.shots[index]
    take = kitchen.takes[shot.shot_id]
    read: Pace = pace(placed.needed.frames, kitchen.film.fps, take.frames, take.fps)
    start = read.offset + (first - placed.needed.first) * read.step
    window = compose(take.size, size, shot.subject)
    return Source(take.sha256, round(start, 6), read.step, window, kitchen.grades[shot.shot_id])


def _cues(kitchen: Kitchen, piece: Piece) -> tuple[Cue, ...]:
    shot, placed = kitchen.film.shots[piece.shot], kitchen.layout.shots[piece.shot]
    start = piece.span.first
    cues = (cue for cue in cues_of(kitchen.film, shot, placed) if cue.first < piece.span.end and cue.end > start)
    return tuple(Cue(cue.first - start, cue.end - start, cue.text) for cue in cues)


def _card(brand: Brand, span: Span) -> Card:
    blend = min(CARD_BLEND_FRAMES, span.frames // 2)
    return Card(brand.name, brand.call_to_action, brand.primary_color, brand.text_color, brand.logo_sha256, blend=blend)

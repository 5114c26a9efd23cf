"""One cut on its way: takes fetched and looked at, segments and sound made or found, all of it joined and stored."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_contracts import ArtifactRef, Rendition, Segment, canonical_json

from storyreel_assembler import metrics
from storyreel_assembler.adapters import subtitles, timeline
from storyreel_assembler.adapters.clips import examine
from storyreel_assembler.adapters.reel import join
from storyreel_assembler.adapters.soundtrack import build_track
from storyreel_assembler.adapters.thumbnail import write_thumbnail
from storyreel_assembler.adapters.typeface import missing
from storyreel_assembler.adapters.video import Material, build_segment, toolchain
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.captions import cues_of
from storyreel_assembler.domain.film import SIZES, Aspect, Film, Take, Unbuildable, slug
from storyreel_assembler.domain.grade import match
from storyreel_assembler.domain.layout import Piece, lay_out
from storyreel_assembler.domain.paper import warnings_of
from storyreel_assembler.domain.ports import StillWanted
from storyreel_assembler.domain.reading import film_of
from storyreel_assembler.domain.recipe import Kitchen, Recipe, recipe_of
from storyreel_assembler.domain.sound import sound_of
from storyreel_assembler.domain.work import Assemble, Cut, TakeMade

log = logging.getLogger(__name__)
VIDEO, SOUND = "video/mp4", "audio/mp4"


class _Unwanted(Exception):  # noqa: N818 - not an error: the version ended while its cut was made
    pass


class Tools(Protocol):
    """What a job takes from its room."""

    @property
    def store(self) -> ArtifactStore:
        """Where artifacts are."""
        ...

    @property
    def workshop(self) -> Workshop:
        """Where heavy work is done."""
        ...


class Job:
    """One cut on its way, in its own scratch folder."""

    def __init__(self, tools: Tools, work: Assemble, wanted: StillWanted, folder: Path) -> None:
        self._store, self._run = tools.store, tools.workshop.run
        self._work, self._wanted, self._folder = work, wanted, folder
        self._film: Film = film_of(work.plan)
        self._layout = lay_out(self._film)
        self._material = Material({})
        self._building: dict[str, asyncio.Task[tuple[ArtifactRef, bool]]] = {}

    async def run_if_wanted(self) -> Cut | None:
        """The cut; None when it was no longer wanted on the way."""
        try:
            return await self._run_all()
        except ExceptionGroup as group:
            cause = _first_cause(group)
            if not isinstance(cause, _Unwanted):
                raise cause from group
            log.info("cut %s of film %s is no longer wanted", self._work.cut.cut_key[:12], self._work.film_id)
            return None

    async def _run_all(self) -> Cut:
        kitchen = await self._kitchen()
        sound_key = sound_of(self._film, self._layout, kitchen.toolchain)
        async with asyncio.TaskGroup() as group:
            sound = group.create_task(self._sound(sound_key))
            picture = {a: group.create_task(self._segments(kitchen, a, group)) for a in self._film.aspects}
        heard, track = sound.result()
        renditions = [await self._rendition(kitchen, a, picture[a].result(), track, heard) for a in self._film.aspects]
        return Cut(
            tier=self._work.cut.tier,
            renditions=renditions,
            segments=[segment for a in self._film.aspects for segment in picture[a].result()],
            captions=await self._store.put(self._vtt().encode(), "text/vtt"),
            timeline=await self._store.put(self._otio(kitchen).encode(), "application/json"),
            thumbnail=await self._thumbnail(kitchen),
            takes={
                i: TakeMade(width=t.size.width, height=t.size.height, frames=t.frames, fps=t.fps)
                for i, t in kitchen.takes.items()
            },
            sound=heard,
            warnings=self._warnings(kitchen, heard),
        )

    async def _kitchen(self) -> Kitchen:
        """Fetch and look at every take; the first shot is the master of the grade."""
        plan, chosen = self._work.plan, {shot.shot_id: shot for shot in self._work.cut.shots}
        absent = [shot.shot_id for shot in plan.shots if shot.shot_id not in chosen]
        if absent:
            raise Unbuildable(f"shots: the cut has no take for {', '.join(absent)}")
        refs = [chosen[shot.shot_id].artifact for shot in plan.shots] + ([plan.logo] if plan.logo else [])
        paths = await asyncio.gather(*(self._fetched(ref) for ref in {ref.sha256: ref for ref in refs}.values()))
        self._material = Material({path.name: path for path in paths})
        looks = await asyncio.gather(
            *(self._run("examine", examine, self._material.files[chosen[s.shot_id].artifact.sha256]) for s in plan.shots)
        )
        ids = [shot.shot_id for shot in plan.shots]
        grades = {i: match(look, looks[0][1]) for i, (_, look) in zip(ids, looks, strict=True)}
        takes: dict[str, Take] = {i: take for i, (take, _) in zip(ids, looks, strict=True)}
        return Kitchen(self._film, self._layout, takes, grades, _tier(self._work), toolchain())

    async def _fetched(self, ref: ArtifactRef) -> Path:
        path = self._folder / ref.sha256
        if not path.exists():
            await self._store.fetch(ref, path)
        return path

    async def _segments(self, kitchen: Kitchen, aspect: Aspect, group: asyncio.TaskGroup) -> list[Segment]:
        recipes = [(piece, recipe_of(kitchen, piece, aspect)) for piece in self._layout.pieces]
        for _, recipe in recipes:
            if recipe.key not in self._building:
                self._building[recipe.key] = group.create_task(self._segment(recipe))
        return [await self._said(piece, recipe, aspect) for piece, recipe in recipes]

    async def _said(self, piece: Piece, recipe: Recipe, aspect: Aspect) -> Segment:
        ref, reused = await self._building[recipe.key]
        shot_id = self._film.shots[piece.shot].shot_id
        return Segment(shot_id=shot_id, aspect=aspect, key=recipe.key, artifact=ref, frames=recipe.frames, reused=reused)

    async def _segment(self, recipe: Recipe) -> tuple[ArtifactRef, bool]:
        """The segment under its key, made when nobody made it before; its bytes lie in the folder afterwards."""
        if not await self._wanted():
            raise _Unwanted

        async def make() -> dict[str, Any]:
            path = await self._run("segment", build_segment, recipe, self._material, self._folder / f"{recipe.key}.mp4")
            return {"ref": (await self._store.put_file(path, VIDEO)).model_dump(mode="json")}

        found, reused = await self._remembered(f"keys/segment/{self._work.tenant_id}/{recipe.key}", make)
        metrics.SEGMENTS.labels("found" if reused else "encoded").inc()
        ref = ArtifactRef.model_validate(found["ref"])
        await self._fetched(ref)
        return ref, reused

    async def _remembered(self, key: str, make: Callable[[], Awaitable[dict[str, Any]]]) -> tuple[dict[str, Any], bool]:
        known = await self._store.recall(key)
        if known is not None:
            return _loaded(known), True
        return _loaded(await self._store.remember(key, canonical_json(await make()))), False

    async def _sound(self, recipe: Any) -> tuple[dict[str, Any], Path]:
        async def make() -> dict[str, Any]:
            track = await self._run("sound", build_track, recipe, self._folder / "sound.m4a")
            ref = await self._store.put_file(track.path, SOUND)
            spoken = [{"shot_id": s, "start_s": round(a, 3), "end_s": round(b, 3)} for s, a, b in track.spoken]
            measured = {"lufs": _rounded(track.lufs), "dbtp": _rounded(track.dbtp)}
            return {"ref": ref.model_dump(mode="json"), **measured, "spoken": spoken, "problems": list(track.problems)}

        heard, _ = await self._remembered(f"keys/sound/{self._work.tenant_id}/{recipe.key}", make)
        return heard, await self._fetched(ArtifactRef.model_validate(heard["ref"]))

    async def _rendition(
        self, kitchen: Kitchen, aspect: Aspect, segments: Sequence[Segment], track: Path, heard: dict[str, Any]
    ) -> Rendition:
        paths = [await self._fetched(segment.artifact) for segment in segments]
        target = self._folder / f"film-{slug(aspect)}.mp4"
        joined = await self._run("join", join, paths, track, target, self._film.fps)
        size = SIZES[kitchen.tier, aspect]
        return Rendition(
            aspect=aspect,
            artifact=await self._store.put_file(joined.path, VIDEO),
            width=size.width,
            height=size.height,
            frames=joined.frames,
            fps=self._film.fps,
            loudness_lufs=heard["lufs"],
        )

    def _vtt(self) -> str:
        shots = zip(self._film.shots, self._layout.shots, strict=True)
        return subtitles.write_vtt(self._film, [cue for shot, at in shots for cue in cues_of(self._film, shot, at)])

    def _otio(self, kitchen: Kitchen) -> str:
        chosen = {shot.shot_id: shot for shot in self._work.cut.shots}
        reels = {
            shot.shot_id: timeline.Reel(
                uri=chosen[shot.shot_id].artifact.uri,
                take=kitchen.takes[shot.shot_id],
                about={
                    "prompt": shot.prompt,
                    "negative_prompt": shot.negative_prompt,
                    "seed": chosen[shot.shot_id].seed,
                    "model": chosen[shot.shot_id].model.model_dump(),
                    "take_key": chosen[shot.shot_id].key,
                },
            )
            for shot in self._work.plan.shots
        }
        return timeline.write_timeline(self._work.plan.title, self._film, self._layout, reels)

    async def _thumbnail(self, kitchen: Kitchen) -> ArtifactRef:
        aspect = self._film.aspects[0]
        pieces = [p for p in self._layout.pieces if p.kind == "body"] or list(self._layout.pieces)
        recipes = [recipe_of(kitchen, piece, aspect) for piece in pieces]
        target = self._folder / "thumbnail.jpg"
        await self._run("thumbnail", write_thumbnail, recipes, self._material, target)
        return await self._store.put_file(target, "image/jpeg")

    def _warnings(self, kitchen: Kitchen, heard: dict[str, Any]) -> list[str]:
        unknown = {shot.shot_id: missing(shot.caption) for shot in self._film.shots}
        found = [*warnings_of(self._film, self._layout, kitchen.takes, unknown), *heard["problems"]]
        metrics.WARNINGS.inc(len(found))
        return found


def _tier(work: Assemble) -> Any:
    tier = str(work.cut.tier)
    if tier not in {"preview", "final"}:
        raise Unbuildable(f"tier: a cut is preview or final, not {tier}")
    return tier


def _first_cause(group: ExceptionGroup[Exception]) -> Exception:
    """Of what several tasks raised: that nobody wants it, else that it cannot be made, else whatever came first."""
    leaves: list[Exception] = []
    waiting: list[Exception] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, ExceptionGroup):
            waiting += error.exceptions
        else:
            leaves.append(error)
    return min(leaves, key=lambda leaf: (not isinstance(leaf, _Unwanted), not isinstance(leaf, Unbuildable)))


def _rounded(level: float) -> float | None:
    """Two places; None for the minus infinity of a film too short to have a loudness."""
    return round(level, 2) if isfinite(level) else None


def _made(take: Take) -> TakeMade:
    return TakeMade(width=take.size.width, height=take.size.height, frames=take.frames, fps=take.fps)


def _loaded(raw: bytes) -> dict[str, Any]:
    return dict(json.loads(raw))

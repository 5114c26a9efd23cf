"""Shots as they stand: the newest take of each, its verdicts, its price."""

from typing import Any

from storyreel_contracts import PlannedShot, Tier

from storyreel_gateway.domain.slots import Take
from storyreel_gateway.domain.state import FilmState, VersionState
from storyreel_gateway.domain.status import is_open
from storyreel_gateway.domain.view import ShotView

_RANK = {Tier.KEYFRAME: 0, Tier.PREVIEW: 1, Tier.FINAL: 2}


def shots_of(film: FilmState, number: int) -> list[ShotView]:
    """All shots of a version's plan, in the film's order; none before there is a plan."""
    planned = film.version(number).planned
    if planned is None:
        return []
    return [_shot(film, number, shot, planned.plan.fps) for shot in planned.plan.shots]


def shot_of(film: FilmState, number: int, shot_id: str) -> ShotView | None:
    """One shot of a version's plan."""
    planned = film.version(number).planned
    found = next((shot for shot in planned.plan.shots if shot.shot_id == shot_id), None) if planned else None
    return _shot(film, number, found, planned.plan.fps) if planned and found else None


def take_name(version: int, take: Take) -> str:
    """Name of a take among the film's artifacts."""
    return f"shot-{take.shot_id}-v{version}-{take.tier}-{take.attempt}.mp4"


def newest_take(film: FilmState, number: int, shot: PlannedShot) -> tuple[int, Take] | None:
    """The take that stands for a shot, with its version: its own, or an earlier version's that planned the same picture."""
    for candidate in range(number, 0, -1):
        version = film.version(candidate)
        if candidate != number and not _same_picture(version, shot):
            return None
        takes = [take for take in version.takes.values() if take.shot_id == shot.shot_id]
        if takes:
            return candidate, max(takes, key=_take_order)
    return None


def accepted_count(film: FilmState, number: int, tiers: set[str]) -> int:
    """How many shots of a version have a newest take, in one of these tiers, that may be cut into the film."""
    planned = film.version(number).planned
    found = [newest_take(film, number, shot) for shot in planned.plan.shots] if planned else []
    return sum(take is not None and take[1].tier in tiers and _is_accepted(film.version(take[0]), take[1]) for take in found)


def _is_accepted(version: VersionState, take: Take) -> bool:
    if take.end is None or take.end.artifact is None:
        return False
    ruling, match = version.rulings.get(f"shot:{take.end.key}"), version.matches.get(take.end.key)
    good = (match is not None and match.word == "matched") or f"{take.shot_id}/{take.tier}" in version.downgrades
    return ruling is not None and ruling.word == "cleared" and good


def _take_order(take: Take) -> tuple[int, int]:
    return (_RANK.get(take.tier, -1), take.attempt)


def _same_picture(version: VersionState, shot: PlannedShot) -> bool:
    known = version.planned.plan.shots if version.planned else []
    return any(other.shot_id == shot.shot_id and _inputs(other) == _inputs(shot) for other in known)


def _inputs(shot: PlannedShot) -> tuple[object, ...]:
    return (shot.prompt, shot.negative_prompt, shot.camera, shot.frames, shot.seed, shot.picture)


def _shot(film: FilmState, number: int, shot: PlannedShot, fps: int) -> ShotView:
    words: dict[str, Any] = shot.model_dump(include={"shot_id", "prompt", "caption", "narration", "end_card"})
    times: dict[str, Any] = {"start_s": shot.start_frame / fps, "duration_s": shot.frames / fps}
    view = ShotView(**words, **times, camera=str(shot.camera))
    found = newest_take(film, number, shot)
    costs = _costs(film, shot.shot_id)
    return view if found is None else view.model_copy(update=costs | _taken(film, *found))


def _costs(film: FilmState, shot_id: str) -> dict[str, Any]:
    ends = [t.end for v in film.versions.values() for t in v.takes.values() if t.shot_id == shot_id and t.end]
    paid = [end for end in ends if not end.reused]
    return {"price_micros": sum(e.cost_micros for e in paid), "device_seconds": sum(e.device_seconds for e in paid)}


def _taken(film: FilmState, number: int, take: Take) -> dict[str, object]:
    version, end = film.version(number), take.end
    downgrade = version.downgrades.get(f"{take.shot_id}/{take.tier}")
    facts: dict[str, object] = {"tier": str(take.tier), "attempt": take.attempt, "step": take.step, "steps": take.steps}
    if downgrade is not None:
        facts |= {"quality": downgrade.quality, "reason": downgrade.reason}
    facts["artifact"] = _picture(film, take.shot_id)
    if end is None:
        return facts | {"status": "rendering", "progress": take.step / take.steps if take.steps else 0.0}
    if end.artifact is None:
        return facts | {"status": "failed", "reason": end.reason}
    judged = _safety(version, take.shot_id, end.key) | _continuity(version, end.key)
    return facts | judged | {"status": "rendered", "progress": 1.0, "reused": end.reused, "artifact": take_name(number, take)}


def _picture(film: FilmState, shot_id: str) -> str:
    """Name of the newest take that can be looked at, while a newer one is still being rendered."""
    takes = [(n, take) for n, v in film.versions.items() for take in v.takes.values() if take.shot_id == shot_id]
    seen = [(n, *_take_order(take), take_name(n, take)) for n, take in takes if take.end and take.end.artifact]
    return max(seen)[-1] if seen else ""


def _safety(version: VersionState, shot_id: str, key: str) -> dict[str, object]:
    asked = [r.asked.fact for r in version.reviews.values() if r.asked and is_open(version, r)]
    for request in asked:
        if request.subject == "shot" and request.subject_key == key and request.shot_id == shot_id:
            return {"safety": "review", "findings": request.findings}
    ruling = version.rulings.get(f"shot:{key}")
    return {} if ruling is None else {"safety": ruling.word, "findings": ruling.findings}


def _continuity(version: VersionState, key: str) -> dict[str, object]:
    match = version.matches.get(key)
    if match is None:
        return {}
    judged = {"continuity": match.word, "measures": match.measures, "corrections": match.corrections}
    return judged | {"tier_gap": match.tier_gap}

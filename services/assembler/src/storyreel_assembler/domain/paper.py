"""What goes out with the film on paper: its manifest, and the statement that is signed into each file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from storyreel_contracts.plan import Plan
from storyreel_contracts.planning import CutRequested

from storyreel_assembler.domain.captions import cues_of, problems_with
from storyreel_assembler.domain.film import Film, Take
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.layout import Layout, pace
from storyreel_assembler.domain.work import TakeMade

AI_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SLOWEST = 1.5  # a take slowed more than this is named in the manifest


def warnings_of(film: Film, layout: Layout, takes: Mapping[str, Take], missing: Mapping[str, Sequence[str]]) -> list[str]:
    """What a person should know about this cut: hard captions, slowed takes, letters without a typeface."""
    found: list[str] = []
    for shot, placed in zip(film.shots, layout.shots, strict=True):
        found += [f"{shot.shot_id}: {problem}" for problem in problems_with(cues_of(film, shot, placed), film.fps)]
        take = takes[shot.shot_id]
        stretch = pace(placed.needed.frames, film.fps, take.frames, take.fps).stretch
        if stretch > SLOWEST:
            found.append(f"{shot.shot_id}: its take is slowed to {1 / stretch:.0%} of its speed to fill the shot")
        if missing.get(shot.shot_id):
            found.append(f"{shot.shot_id}: no typeface for {' '.join(missing[shot.shot_id])}; left out of the picture")
    return found


def shots_of(plan: Plan, cut: CutRequested, takes: Mapping[str, TakeMade]) -> list[dict[str, Any]]:
    """Per shot: what it is, what made it, what it cost."""
    chosen = {shot.shot_id: shot for shot in cut.shots}
    return [
        {
            "shot_id": shot.shot_id,
            "start_frame": shot.start_frame,
            "frames": shot.frames,
            "transition_in": str(shot.transition_in),
            "take": {
                "key": chosen[shot.shot_id].key,
                "sha256": chosen[shot.shot_id].artifact.sha256,
                "model": chosen[shot.shot_id].model.model_dump(),
                "seed": chosen[shot.shot_id].seed,
                "cost_micros": chosen[shot.shot_id].cost_micros,
                "width": takes[shot.shot_id].width,
                "height": takes[shot.shot_id].height,
                "frames": takes[shot.shot_id].frames,
                "fps": takes[shot.shot_id].fps,
            },
            "prompt_sha256": key_of("prompt", [shot.prompt, shot.negative_prompt]),
            "caption": shot.caption,
            "narration": shot.narration,
        }
        for shot in plan.shots
    ]


def voice_of(film: Film) -> dict[str, Any] | None:
    """Who speaks: always a synthetic voice here, and it is said so; None in a film without narration."""
    if not any(shot.narration.strip() for shot in film.shots):
        return None
    return {"synthetic": True, "engine": "espeak-ng", **asdict(film.voice)}


def statement(title: str, model: str, tool: str) -> dict[str, Any]:
    """The C2PA manifest to sign: made by a trained model, assembled by this tool."""
    created = {
        "action": "c2pa.created",
        "digitalSourceType": AI_SOURCE,
        "softwareAgent": {"name": model or "storyreel"},
    }
    return {
        "claim_generator_info": [{"name": "storyreel-assembler", "version": tool}],
        "title": title,
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }

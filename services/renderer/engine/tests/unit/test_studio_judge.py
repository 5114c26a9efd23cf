"""The judge: it finds what was asked in painted truth, and misses it where something else was painted."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

import numpy as np
import torch
from storyreel_training import clip_reader as cr
from storyreel_training.judge import Judge, chance, read, rows
from storyreel_training.likeness import compare
from storyreel_training.reader import SEEN, Reader, answers, pictures, share_right, teach
from storyreel_training.recipe import Recipe
from storyreel_training.sampling import Asked, ask, next_shot
from storyreel_training.world.facts import Facts
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import Scene

CLIPS = 4


class Painter:
    """A model that shows what it is asked for, always; of `stubborn` ones the camera stays and the subject is black."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self._stubborn = stubborn

    def still(self, asked: Asked, steps: int) -> Pixels:
        return self._scene(asked).still()

    def clip(self, asked: Asked, first: Pixels, steps: int) -> Pixels:
        return self._scene(asked).clip()

    def _scene(self, asked: Asked) -> Scene:
        paint = {n: "black" for n in ("colour", "product_colour") if getattr(asked.facts, n) != "none"}
        shown = replace(asked.facts, camera="static", **paint) if self._stubborn else asked.facts
        return Scene(shown, 1)


def judge(folder: Path, painter: Painter) -> Judge:
    """With readers that were taught nothing: what they say is not asked here."""
    torch.manual_seed(0)
    torch.save(Reader().state_dict(), folder / "reader.pt")
    torch.save(cr.clip_reader().state_dict(), folder / "clip-reader.pt")
    return Judge(Recipe(folder=folder), painter, prompts=8, clips=CLIPS)


def measured(folder: Path, painter: Painter) -> tuple[float, float]:
    judging = judge(folder, painter)
    stills = judging.stills(6)
    found, clips = judging.of_clips(stills)
    assert len(clips) == CLIPS
    return judging.of_stills(stills)["colour_measured"]["right"], found["camera_measured"]["right"]


def test_colour_and_camera_are_measured_where_they_are_and_missed_where_they_are_not(tmp_path: Path) -> None:
    colour, camera = measured(tmp_path, Painter())
    no_colour, no_camera = measured(tmp_path, Painter(stubborn=True))
    assert (colour, camera) >= (0.6, 0.8)
    assert no_colour < colour
    assert no_camera < camera


def test_prompts_are_held_out_and_the_same_for_every_model() -> None:
    asked = ask(3, 9)
    assert asked == ask(3, 9)
    assert all(a.facts.held_out for a in asked)
    assert [a.facts.aspect for a in asked] == ["16:9", "16:9", "9:16"] * 3
    assert len({a.seed for a in asked}) == 9


def test_the_next_shot_has_the_same_subject_and_another_camera() -> None:
    first = ask(3, 1)[0]
    after = next_shot(first)
    assert replace(after.facts, camera=first.facts.camera) == first.facts
    assert after.facts.camera != first.facts.camera
    assert after.seed != first.seed


def test_pairs_are_told_from_strangers() -> None:
    own = torch.eye(6)
    same = compare([(v, v * 2) for v in own])
    mixed = compare([(v, w) for v, w in zip(own, own.roll(1, 0), strict=True)])
    assert same["nearer"] == 1.0
    assert same["alike"] > 0.9 > same["strangers"]
    assert mixed["nearer"] < 0.5
    with pytest.raises(ValueError, match="two pairs"):
        compare([(own[0], own[0])])


class Says(torch.nn.Module):
    """A reader that gives these answers, whatever it sees."""

    def __init__(self, said: dict[str, int]) -> None:
        super().__init__()
        self.heads, self._said = dict.fromkeys(said), said

    def forward(self, seen: torch.Tensor) -> dict[str, torch.Tensor]:
        return {n: torch.nn.functional.one_hot(torch.tensor([at]), 16).float() for n, at in self._said.items()}


def test_what_cannot_be_seen_is_not_counted() -> None:
    facts = [a.facts for a in ask(3, 2)]
    noir = [replace(f, style="noir", character="fox", colour="red") for f in facts]
    seen: list[Any] = [torch.zeros(1)] * 2
    answer = int(answers(noir, ("character",))["character"][0])
    assert read(Says({"character": answer, "colour": 0}), seen, noir) == {"character": 1.0}
    assert read(Says({"character": answer + 1}), seen, noir) == {"character": 0.0}
    assert 0 < chance()["camera"] < 0.2


def test_a_taught_reader_reads_what_it_was_taught_and_an_untaught_one_does_not() -> None:
    alone = {"aspect": "16:9", "product": "none", "product_colour": "none", "colour": "blue", "action": "stand"}
    facts = [replace(a.facts, character=who, **alone) for a, who in zip(ask(3, 8), ("fox", "frog") * 4, strict=True)]
    seen = pictures(np.stack([Scene(f, 1).still() for f in facts]))
    torch.manual_seed(0)
    readers = [Reader(asked=("character",), widths=(16, 24)) for _ in range(2)]
    teach(readers[0], lambda _: (seen, facts), 40, 0)
    taught, untaught = (share_right(r.eval(), [(seen, facts)])["character"] for r in readers)
    assert taught > 0.9 > untaught


def test_a_clip_turned_over_pans_the_other_way() -> None:
    facts: list[Facts] = [replace(ask(3, 1)[0].facts, camera="pan left", aspect="16:9")]
    shard = cr.ClipShard(np.stack([cr.glance(Scene(f, 1).clip()) for f in facts]), facts)
    seen = {}
    for step in range(12):
        frames, told = cr._lesson([shard], np.random.default_rng(step))
        seen[told[0].camera] = frames[0, :, :, :24].mean() - frames[0, :, :, -24:].mean()
    assert set(seen) == {"pan left", "pan right"}
    assert seen["pan left"] * seen["pan right"] < 0


def test_every_prompt_is_on_the_sheet() -> None:
    frames = [np.zeros((112, 192, 3) if i % 3 else (192, 112, 3), np.uint8) for i in range(30)]
    assert sum(len(line) for line in rows(frames)) == 30
    assert all(len({f.shape for f in line}) == 1 for line in rows(frames))
    assert set(SEEN) <= set(chance())

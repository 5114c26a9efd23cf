"""How the upsampler is taught: pairs that lie over each other, lessons that can be taken up again, measures that tell."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

import cv2
import numpy as np
import torch
from storyreel_engine.studio_upsampler import BLOCK, LARGE, StudioUpsampler
from storyreel_training import pairs, upsampler
from storyreel_training.recipe import Recipe
from storyreel_training.world.facts import draw_facts
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import Scene

INNER = (pairs.PIECE - 2 * pairs.MARGIN) * LARGE // BLOCK


def moment() -> pairs.Moment:
    """A frame with sharp edges all over, without an autoencoder between."""
    rng = np.random.default_rng(4)
    facts = draw_facts(rng, aspect="16:9")
    small = Scene(facts, 4).still()
    return pairs.Moment(small, small, Scene(facts, 4, LARGE / BLOCK).still())


def best_shift(found: list[tuple[Pixels, Pixels]]) -> tuple[int, int]:
    """By how many large pixels the small pieces would have to move to fit best."""
    side, edge = pairs.PIECE * LARGE // BLOCK, pairs.MARGIN * LARGE // BLOCK
    error = {}
    for dy in range(-8, 9, 2):
        for dx in range(-8, 9, 2):
            whole = [cv2.resize(s, (side, side), interpolation=cv2.INTER_CUBIC).astype(float) for s, _ in found]
            cut = [w[edge + dy : edge + dy + INNER, edge + dx : edge + dx + INNER] for w in whole]
            error[dx, dy] = sum(float(np.square(c - large).mean()) for c, (_, large) in zip(cut, found, strict=True))
    return min(error, key=lambda at: error[at])


def test_small_and_large_pieces_show_the_same_place() -> None:
    found = list(pairs.pieces(moment(), np.random.default_rng(0)))
    assert all(s.shape == (pairs.PIECE, pairs.PIECE, 3) and g.shape == (INNER, INNER, 3) for s, g in found)
    assert max(abs(at) for at in best_shift(found)) <= 2
    moved = [(s, np.roll(g, 6, 1)) for s, g in found]
    assert best_shift(moved)[0] <= -4


def taught(steps: int, seed: int = 1) -> upsampler.Lessons:
    torch.manual_seed(0)
    return upsampler.Lessons(Recipe(seed=seed), steps, StudioUpsampler(8, 1, 4))


@pytest.fixture(scope="module")
def painted() -> list[tuple[Pixels, Pixels]]:
    found = list(pairs.pieces(moment(), np.random.default_rng(1)))
    return [(np.stack([s for s, _ in found]), np.stack([g for _, g in found]))]


def test_the_loss_falls(painted: list[tuple[Pixels, Pixels]]) -> None:
    torch.set_num_threads(1)
    lessons, darker = taught(400), [(small, large // 2) for small, large in painted]
    losses = [lessons.advance(*upsampler.batch_at(0, 1, darker)) for _ in range(24)]
    assert losses[-1] < 0.85 * losses[0]


def test_lessons_taken_up_again_are_bit_for_bit_those_that_never_stopped(
    painted: list[tuple[Pixels, Pixels]], tmp_path: Path
) -> None:
    whole, first, second = taught(9), taught(9), taught(9)
    for step in range(4):
        whole.advance(*upsampler.batch_at(step, 1, painted))
    for step in range(2):
        first.advance(*upsampler.batch_at(step, 1, painted))
    first.save(tmp_path / "x.pt")
    second.load(tmp_path / "x.pt")
    for step in range(2, 4):
        second.advance(*upsampler.batch_at(step, 1, painted))
    first.advance(*upsampler.batch_at(2, 1, painted))
    mine, theirs, other = (lessons.net.state_dict() for lessons in (second, whole, first))
    assert all(torch.equal(mine[n], theirs[n]) for n in theirs)
    assert not all(torch.equal(other[n], theirs[n]) for n in theirs)


def test_a_stopped_stage_leaves_a_checkpoint(painted: list[tuple[Pixels, Pixels]], tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    np.savez(tmp_path / "pairs" / "0000.npz", small=painted[0][0], large=painted[0][1])
    asked = iter((False, False, True))
    lessons = taught(9)
    lessons.recipe = Recipe(folder=tmp_path)
    upsampler.learn(lessons, tmp_path / "upsampler.pt", lambda: next(asked))
    again = taught(9)
    again.load(tmp_path / "upsampler.pt")
    assert again.step == 2


def test_a_soft_edge_costs_more_than_a_shade_that_is_a_little_off() -> None:
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1.0
    soft = edge.clone()
    soft[..., 3], soft[..., 4] = 0.4, 0.6
    shade = edge + (soft - edge).abs().mean()
    assert upsampler.loss_of(soft, edge) > 2 * upsampler.loss_of(shade, edge)


def test_similarity_is_one_with_itself_and_less_with_what_is_blurred() -> None:
    picture = moment().large[250:600, 400:900].astype(np.float32)
    assert upsampler.ssim(picture, picture) == pytest.approx(1.0)
    assert upsampler.ssim(picture, cv2.GaussianBlur(picture, (0, 0), 4)) < 0.98


def test_an_upsampler_is_not_written_over_another(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="name another folder"):
        upsampler.work(Recipe(folder=tmp_path), 1, tmp_path)

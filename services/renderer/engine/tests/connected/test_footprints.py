"""Admission asks what a job will hold and need: the engine tells what it has seen, larger jobs in proportion."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import torch
from engine_videos import ask, card, pictures, prepare
from storyreel_engine.pipelines.footprints import Footprints, Size
from storyreel_engine.pipelines.loading import rehearse
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Footprint
from storyreel_engine.tiny import build_tiny


class FakeMemory:
    """A device that holds 1000 bytes, `grown` more after a unit, and at its peak `more` than before."""

    def __init__(self) -> None:
        self.more = self.grown = 0

    def now(self) -> int:
        return 1000 + self.grown

    def start(self) -> int:
        return 1000

    def peak(self) -> int:
        return 1000 + self.more


def test_nothing_is_claimed_before_anything_was_seen() -> None:
    assert Footprints(FakeMemory()).expect(Size(100, 9, 9)) == Footprint(0, 0)


def test_the_largest_pass_counts_by_job_and_window_and_not_by_the_shots_length() -> None:
    memory = FakeMemory()
    seen = Footprints(memory)
    for memory.more, jobs in ((9_000, 1), (36_000, 2), (900, 3)):
        with seen.in_unit(Size(100, 9, 9), jobs):
            pass
    assert seen.expect(Size(100, 9, 9)).working == 18_000
    assert seen.expect(Size(200, 9, 99)).working == 36_000
    assert seen.expect(Size(100, 18, 18)).working == 36_000


def test_a_pass_that_failed_teaches_nothing() -> None:
    memory = FakeMemory()
    memory.more = 9_000
    seen = Footprints(memory)
    with pytest.raises(RuntimeError), seen.in_unit(Size(100, 9, 9), 1):
        raise RuntimeError("no room")
    assert seen.expect(Size(100, 9, 9)).working == 0


@pytest.mark.parametrize(("whole", "longer"), [(False, 8_000), (True, 16_000)])
def test_decoding_a_link_at_once_grows_with_its_length_and_in_chunks_it_does_not(whole: bool, longer: int) -> None:
    memory = FakeMemory()
    memory.more = 8_000
    seen = Footprints(memory)
    with seen.in_decode(Size(100, 9, 9), 0) as learn:
        learn(whole)
    assert seen.expect(Size(100, 9, 9)).working == 8_000
    assert seen.expect(Size(100, 18, 18)).working == longer


def test_what_the_decoder_remembers_from_chunk_to_chunk_counts_too() -> None:
    memory = FakeMemory()
    seen, kept = Footprints(memory), 0
    for memory.grown, memory.more in ((3_000, 4_000), (0, 6_000), (0, 6_000)):
        with seen.in_decode(Size(100, 9, 9), kept) as learn:
            kept = learn(False)
    assert kept == 3_000
    assert seen.expect(Size(100, 9, 9)).working == 9_000


def test_what_a_job_holds_is_its_own_tensors_and_a_longer_one_holds_more() -> None:
    wan = WanAdapter(build_tiny(), card(), torch.device("cpu"))
    small, large = ask(), ask(frames=33)
    assert wan.footprint(small) == Footprint(0, 0)
    state = prepare(wan, small)
    embeddings = 2 * 512 * 32 * 4
    prepared = wan.footprint(small).resident
    assert prepared >= embeddings + state.latents.numel() * 4
    pictures(wan, state)
    after = wan.footprint(small).resident
    # The solver's two outputs and its last sample, and the finished latents, which are the latents themselves.
    assert after - prepared >= 3 * state.latents.numel() * 4
    assert wan.footprint(large).resident - embeddings == pytest.approx((after - embeddings) * 33 / 9, rel=0.01)
    assert wan.footprint(large).working == 0


@pytest.mark.parametrize("first_frame", ["none", "optional"])
def test_after_a_rehearsal_the_first_job_is_already_expected(first_frame: str) -> None:
    wan = WanAdapter(build_tiny(), card(first_frame=first_frame), torch.device("cpu"))
    memory = FakeMemory()
    memory.more = 64 * 48 * 5
    wan.footprints = Footprints(memory)
    rehearse(wan)
    expected = wan.footprint(ask())
    assert expected.resident > 0
    assert expected.working > 0

"""The real checks, in child processes, on real files: found, passed, undecodable, too slow, crashed."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from safety_fakes import blinking, clip, grey, noise
from storyreel_chassis.children import ChildLost, Children
from storyreel_safety.adapters.checks import ChildChecks, Limits
from storyreel_safety.domain.policy import Policy
from storyreel_safety.domain.ports import CheckUnavailable, Undecodable
from storyreel_safety.domain.words import Passage


async def test_a_noise_take_and_a_still_with_grain_pass(checks: ChildChecks, policy: Policy, tmp_path: Path) -> None:
    path = clip(tmp_path / "noise.mp4", 33, noise, fps=16)
    assert await checks.footage(policy, "take", path, "video/mp4") == []


@pytest.mark.parametrize("lossless", [True, False])
async def test_flashing_is_found_in_the_file_with_its_picture(
    checks: ChildChecks, policy: Policy, tmp_path: Path, lossless: bool
) -> None:
    path = clip(tmp_path / "flash.mp4", 48, blinking(4, 24), lossless=lossless)
    (seen,) = await checks.footage(policy, "film", path, "video/mp4")
    assert (seen.rule, seen.threshold) == ("flash", 3)
    assert seen.score == pytest.approx(4, abs=0.5)
    assert seen.picture.startswith(b"\xff\xd8\xff")
    calm = clip(tmp_path / "calm.mp4", 48, blinking(3, 24), lossless=lossless)
    assert await checks.footage(policy, "film", calm, "video/mp4") == []


async def test_black_and_frozen_are_found_in_the_file(checks: ChildChecks, policy: Policy, tmp_path: Path) -> None:
    black = clip(tmp_path / "black.mp4", 20, lambda _: grey(0))
    assert [s.rule for s in await checks.footage(policy, "take", black, "video/mp4")] == ["black"]
    frozen = clip(tmp_path / "frozen.mp4", 60, lambda _: noise(1))
    assert [s.rule for s in await checks.footage(policy, "take", frozen, "video/mp4")] == ["frozen"]


async def test_a_film_with_a_still_end_card_passes(checks: ChildChecks, policy: Policy, tmp_path: Path) -> None:
    path = clip(tmp_path / "film.mp4", 120, lambda i: noise(min(i, 48)), lossless=False)
    assert await checks.footage(policy, "film", path, "video/mp4") == []


async def test_text_and_broken_files_are_undecodable_and_a_playlist_opens_nothing(
    checks: ChildChecks, policy: Policy, tmp_path: Path
) -> None:
    whole = clip(tmp_path / "whole.mp4", 48, noise)
    broken, text, playlist = (tmp_path / name for name in ("broken.mp4", "text.mp4", "list.mp4"))
    broken.write_bytes(whole.read_bytes()[:-20_000])
    text.write_text("not a film")
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    for path in (broken, text, playlist):
        with pytest.raises(Undecodable):
            await checks.footage(policy, "take", path, "video/mp4")
    with pytest.raises(Undecodable):
        await checks.footage(policy, "take", whole, "application/pdf")


async def test_words_are_judged_in_the_child(checks: ChildChecks, policy: Policy) -> None:
    marks = await checks.words(policy, [Passage(where="prompt", text="pure c0caine")])
    assert [m.finding.rule for m in marks] == ["drugs"]


async def test_a_check_over_its_time_is_unavailable_and_its_child_is_gone(policy: Policy, tmp_path: Path) -> None:
    path = clip(tmp_path / "long.mp4", 400, lambda i: noise(i % 7))
    with ChildChecks(Limits(workers=1, footage_s=0.02)) as hasty, pytest.raises(CheckUnavailable, match=r"within 0\.02 s"):
        await hasty.footage(policy, "take", path, "video/mp4")


async def test_a_crash_and_a_memory_hog_are_reported_and_the_next_check_works() -> None:
    children = Children(1, 1024, preload=[])
    with pytest.raises(ChildLost, match="died"):
        await children.run(20, os._exit, 3)
    with pytest.raises(ChildLost, match="MemoryError"):
        await children.run(20, bytearray, 8 * 2**30)
    assert await children.run(20, abs, -3) == 3
    children.close()


async def test_the_loop_goes_on_while_a_child_works_and_closing_ends_it() -> None:
    children = Children(1, 1024, preload=[])
    slow = asyncio.ensure_future(children.run(30, signal.pause))
    async with asyncio.timeout(20):
        while not children._running:
            await asyncio.sleep(0.01)
    await asyncio.to_thread(children.close)
    with pytest.raises(ChildLost):
        await slow

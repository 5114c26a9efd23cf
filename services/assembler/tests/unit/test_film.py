"""A film, made for real from takes to signed files: it plays, it sounds, it verifies, and edits touch only their shot."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pyloudnorm
import pytest
from assembler_fakes import THREE, Words, a_cut, a_plan, write_logo
from PIL import Image
from storyreel_assembler.adapters.clips import examine
from storyreel_assembler.adapters.cutting import Room
from storyreel_assembler.adapters.grading import to_lab
from storyreel_assembler.adapters.provenance import Credentials, Untrusted, development_credentials, sign, verify
from storyreel_assembler.adapters.publishing import Press
from storyreel_assembler.adapters.reel import Mismatch, join
from storyreel_assembler.adapters.soundtrack import decoded
from storyreel_assembler.adapters.video import Material, build_segment, toolchain
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.film import Unbuildable
from storyreel_assembler.domain.grade import Grade
from storyreel_assembler.domain.layout import lay_out
from storyreel_assembler.domain.paper import statement
from storyreel_assembler.domain.reading import film_of
from storyreel_assembler.domain.recipe import Kitchen, Recipe, recipe_of
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Publish, Published
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_contracts import ArtifactRef, CutRequested, Plan, Tier
from storyreel_contracts.ids import outcome_key

FILM = "film-1"
EDITED = (THREE[0], Words(30, "You are long since on your way.", "", "dissolve"), THREE[2])


async def wanted() -> bool:
    return True


async def unwanted() -> bool:
    return False


@dataclass
class House:
    """A store, a folder and the cuts made in it."""

    folder: Path
    store: MemoryArtifactStore = field(default_factory=MemoryArtifactStore)

    def run(self, job: Callable[[Workshop], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            async with Workshop(2) as shop:
                return await job(shop)

        return asyncio.run(inside())

    def cut(self, plan: Plan, request: CutRequested, still: Callable[[], Awaitable[bool]] = wanted) -> Cut | Dropped:
        work = Assemble(tenant_id="acme", film_id=FILM, plan=plan, cut=request)
        return self.run(lambda shop: Room(self.store, shop).cut(work, still))

    def publish(self, plan: Plan, request: CutRequested, credentials: Credentials) -> Published | Dropped:
        work = Publish(tenant_id="acme", film_id=FILM, plan=plan, cut=request)
        return self.run(lambda shop: Press(self.store, shop, credentials, True).publish(work))

    def request(self, plan: Plan, tier: Tier = Tier.PREVIEW, version: int = 1) -> CutRequested:
        return asyncio.run(a_cut(self.store, self.folder, plan, version, tier))

    def file(self, ref: ArtifactRef, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(self.store.objects[ref.uri.removeprefix("s3://memory/")])
        return path


@dataclass(frozen=True)
class Made:
    house: House
    plan: Plan
    request: CutRequested
    cut: Cut
    film: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    house = House(tmp_path_factory.mktemp("house"))
    write_logo(house.folder / "logo.png")
    logo = asyncio.run(house.store.put_file(house.folder / "logo.png", "image/png"))
    plan = a_plan(aspects=["16:9", "9:16"], logo=logo)
    request = house.request(plan)
    cut = house.cut(plan, request)
    assert isinstance(cut, Cut)
    return Made(house, plan, request, cut, house.file(cut.renditions[0].artifact, "film.mp4"))


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_the_film_plays_for_exactly_the_storyboards_time_in_every_aspect(made: Made) -> None:
    for rendition, size in zip(made.cut.renditions, [(640, 360), (360, 640)], strict=True):
        with av.open(str(made.house.file(rendition.artifact, "aspect.mp4"))) as film:
            video, audio = film.streams.video[0], film.streams.audio[0]
            assert (video.codec_context.width, video.codec_context.height) == size
            assert video.average_rate == 24
            stamps = [Fraction(frame.pts) * frame.time_base for frame in film.decode(video)]
            assert stamps == [Fraction(n, 24) for n in range(made.plan.frames)]
            assert abs(float(audio.duration * audio.time_base) - made.plan.frames / 24) <= 0.03
            assert rendition.frames == made.plan.frames


def test_the_index_stands_before_the_pictures(made: Made) -> None:
    raw = made.film.read_bytes()
    assert 0 < raw.find(b"moov") < raw.find(b"mdat")


def test_colours_are_tagged_bt709_limited(made: Made) -> None:
    with av.open(str(made.film)) as film:
        frame = next(film.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)


def test_nothing_freezes_and_nothing_is_black(made: Made) -> None:
    frames = pictures(made.film)
    moving = frames[: made.plan.frames - 12]
    steps = [float(np.abs(one.astype(int) - two).mean()) for one, two in pairwise(moving)]
    assert min(steps) > 0.02
    assert all(frame.mean() > 16 for frame in frames)


def test_the_end_card_has_the_brands_colour(made: Made) -> None:
    last = pictures(made.film)[-1]
    wanted_lab = to_lab(np.array([[0xE6, 0x39, 0x46]]) / 255)
    assert np.linalg.norm(to_lab(last[5:15, 5:15].reshape(-1, 3).mean(axis=0)[None] / 255) - wanted_lab) <= 3


def test_it_sounds_as_loud_as_the_house_wants(made: Made) -> None:
    sound = np.concatenate(list(decoded(made.film))).astype(np.float64)
    assert pyloudnorm.Meter(48_000).integrated_loudness(sound) == pytest.approx(-14, abs=0.5)
    assert np.abs(sound).max() < 10 ** (-1 / 20)
    starts = {line["shot_id"]: line["start_s"] for line in made.cut.sound["spoken"]}
    assert starts == pytest.approx({"s01": 0.0, "s03": 60 / 24}, abs=2 / 24)


def test_editing_one_caption_encodes_that_shot_only_and_leaves_all_other_bytes(made: Made) -> None:
    plan = a_plan(EDITED, aspects=["16:9", "9:16"], logo=made.plan.logo)
    after = made.house.cut(plan, made.house.request(plan, version=2))
    assert isinstance(after, Cut)
    assert {(s.shot_id, s.aspect) for s in after.segments if not s.reused} == {("s02", "16:9"), ("s02", "9:16")}
    before = {segment.key: segment.artifact.sha256 for segment in made.cut.segments}
    assert all(before[s.key] == s.artifact.sha256 for s in after.segments if s.reused)
    assert sum(not s.reused for s in after.segments) == 2
    assert after.renditions[0].artifact != made.cut.renditions[0].artifact
    assert after.sound == made.cut.sound


def test_a_cut_asked_for_again_is_found_not_made(made: Made) -> None:
    objects = dict(made.house.store.objects)
    assert made.house.cut(made.plan, made.request, unwanted) == made.cut
    assert made.house.store.objects == objects


def test_the_same_recipe_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    recipe, material = a_recipe(made)
    one, two = (build_segment(recipe, material, tmp_path / name).read_bytes() for name in ("1.mp4", "2.mp4"))
    assert one == two
    assert build_segment(recipe_with(recipe, crf=30), material, tmp_path / "3.mp4").read_bytes() != one


def test_segments_of_another_size_are_not_joined(made: Made, tmp_path: Path) -> None:
    wide, tall = (next(s for s in made.cut.segments if s.aspect == aspect) for aspect in ("16:9", "9:16"))
    paths = [made.house.file(wide.artifact, "wide.mp4"), made.house.file(tall.artifact, "tall.mp4")]
    with pytest.raises(Mismatch, match=r"tall\.mp4"):
        join(paths, None, tmp_path / "out.mp4", 24)


def test_a_version_that_ended_is_not_cut_any_further(made: Made) -> None:
    plan = a_plan((Words(30, "Never seen."),))
    assert isinstance(made.house.cut(plan, made.house.request(plan), unwanted), Dropped)


def test_the_timeline_reads_back_with_shots_seeds_and_the_dissolve(made: Made) -> None:
    text = made.house.file(made.cut.timeline, "timeline.otio").read_text()
    timeline = otio.adapters.read_from_string(text, "otio_json")
    clips = list(timeline.tracks[0].find_clips())
    assert [clip.name for clip in clips] == ["s01", "s02", "s03"]
    assert clips[0].metadata["storyreel"]["seed"] == 1
    assert [clip.duration().value for clip in clips] == [30, 30, 36]
    assert timeline.duration().value == made.plan.frames
    [dissolve] = [item for item in timeline.tracks[0] if isinstance(item, otio.schema.Transition)]
    assert (dissolve.in_offset.value, dissolve.out_offset.value) == (6, 6)


def test_the_thumbnail_is_a_picture_of_the_films_size(made: Made) -> None:
    with Image.open(made.house.file(made.cut.thumbnail, "thumbnail.jpg")) as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 360))


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda plan, cut, junk: (plan, cut.model_copy(update={"shots": cut.shots[:1]})), "no take for s02, s03"),
        (lambda plan, cut, junk: (plan, swapped(cut, junk)), "is not a readable video"),
        (lambda plan, cut, junk: (plan.model_copy(update={"logo": junk}), cut), r"brand\.logo"),
        (lambda plan, cut, junk: (a_plan(THREE, narration={"voice": "no-such"}), cut), r"narration\.voice"),
        (lambda plan, cut, junk: (plan, cut.model_copy(update={"tier": Tier.KEYFRAME})), "tier"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(made: Made, spoil: Any, field: str) -> None:
    junk = asyncio.run(made.house.store.put(b"this is a text file", "video/mp4"))
    plan, request = spoil(a_plan(THREE), made.request, junk)
    with pytest.raises(Unbuildable, match=field):
        made.house.cut(plan, request)


def test_published_files_are_signed_trusted_and_complete(made: Made, tmp_path: Path) -> None:
    credentials = development_credentials(tmp_path)
    out = made.house.publish(made.plan, made.request, credentials)
    assert isinstance(out, Published)
    assert sorted(out.files) == [
        "captions.vtt", "film-16x9.mp4", "film-9x16.mp4", "manifest.json", "thumbnail.jpg", "timeline.otio",
    ]  # fmt: skip
    assert (out.provenance.state, out.cost_micros) == ("Trusted", 3000)
    signed = made.house.file(out.files["film-16x9.mp4"], "signed.mp4")
    assert len(pictures(signed)) == made.plan.frames
    assert verify(signed, credentials).state == "Trusted"
    manifest = json.loads(made.house.file(out.files["manifest.json"], "manifest.json").read_text())
    assert manifest["voice"]["synthetic"] is True
    assert manifest["shots"][1]["take"] | {"seed": 2, "width": 128, "height": 80, "fps": 16} == manifest["shots"][1]["take"]
    assert manifest["digital_source_type"].endswith("trainedAlgorithmicMedia")
    again = made.house.publish(made.plan, made.request, development_credentials(tmp_path / "other"))
    assert again == out


def test_another_cut_of_a_published_version_is_not_published(made: Made, tmp_path: Path) -> None:
    plan = a_plan((Words(12),), brand=None)
    credentials = development_credentials(tmp_path)
    first, second = made.house.request(plan, version=7), made.house.request(plan, Tier.FINAL, version=7)
    for request in (first, second):
        assert isinstance(made.house.cut(plan, request), Cut)
    assert isinstance(made.house.publish(plan, first, credentials), Published)
    late = made.house.publish(plan, second, credentials)
    assert isinstance(late, Dropped)
    assert "another cut" in late.reason


def test_a_version_with_another_outcome_is_not_published(made: Made, tmp_path: Path) -> None:
    plan, request = made.plan, made.request.model_copy(update={"version": 9})
    asyncio.run(made.house.store.remember(outcome_key(FILM, 9), b"cancelled"))
    assert isinstance(made.house.publish(plan, request, development_credentials(tmp_path)), Dropped)


def test_a_changed_or_unsigned_or_strangely_signed_file_is_not_trusted(made: Made, tmp_path: Path) -> None:
    credentials, stranger = development_credentials(tmp_path / "a"), development_credentials(tmp_path / "b")
    signed = tmp_path / "signed.mp4"
    sign(made.film, signed, statement("Aero", "tiny", "1"), credentials)
    assert verify(signed, stranger).state != "Trusted"
    assert verify(made.film, credentials).state == "Invalid"
    raw = bytearray(signed.read_bytes())
    raw[-2000] ^= 1
    signed.write_bytes(raw)
    assert verify(signed, credentials).state == "Invalid"


def test_a_signer_that_no_anchor_vouches_for_publishes_nothing(made: Made, tmp_path: Path) -> None:
    ours, theirs = development_credentials(tmp_path / "a"), development_credentials(tmp_path / "b")
    with pytest.raises(Untrusted, match="untrusted"):
        sign(made.film, tmp_path / "out.mp4", statement("Aero", "tiny", "1"), Credentials(ours.chain, ours.key, theirs.anchors))


def a_recipe(made: Made) -> tuple[Recipe, Material]:
    film = film_of(made.plan)
    layout = lay_out(film)
    files = {s.artifact.sha256: made.house.file(s.artifact, s.artifact.sha256) for s in made.request.shots}
    files[film.brand.logo_sha256] = made.house.folder / "logo.png"  # type: ignore[union-attr]
    takes = {s.shot_id: examine(files[s.artifact.sha256])[0] for s in made.request.shots}
    kitchen = Kitchen(film, layout, takes, {s.shot_id: Grade() for s in film.shots}, "preview", toolchain())
    return recipe_of(kitchen, layout.pieces[1], "16:9"), Material(files)


def recipe_with(recipe: Recipe, **encoder: Any) -> Recipe:
    return replace(recipe, encoder=replace(recipe.encoder, **encoder))


def swapped(cut: CutRequested, ref: ArtifactRef) -> CutRequested:
    first = cut.shots[0].model_copy(update={"artifact": ref})
    return cut.model_copy(update={"shots": [first, *cut.shots[1:]]})

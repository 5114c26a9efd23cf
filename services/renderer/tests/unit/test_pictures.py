"""A shot starts from the picture that it continues, decoded apart from the loop, to the pixel."""

import asyncio
import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from renderer_fakes import a_request
from renderer_studio import RULES, Replica, Studio
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_contracts import ArtifactRef, Fact, FailureKind, ShotRendered, ShotRenderFailed
from storyreel_renderer.adapters.encoding import encode
from storyreel_renderer.adapters.pictures import ChildPictures, decode
from storyreel_renderer.domain.ports import NoPictureError

STILL = ArtifactRef(uri="s3://bucket/still", sha256="7f" * 32, size=1, media_type="video/mp4")
CONTINUED = a_request().spec.model_copy(update={"continues": STILL})
TAKE = np.random.default_rng(1).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)


def picture(pixels: np.ndarray, codec: str = "png") -> bytes:
    """One picture as a file."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24" if codec == "png" else "yuvj420p"
    encoder.time_base = Fraction(1)
    frame = frame.reformat(format=encoder.pix_fmt)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode()])


def decoded(data: bytes, width: int = 64, height: int = 48) -> np.ndarray:
    pixels = decode(data, width, height)
    assert isinstance(pixels, bytes), pixels
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def test_of_a_take_the_first_frame_comes_back_bit_for_bit() -> None:
    assert np.array_equal(decoded(encode(TAKE, 16)), TAKE[0])


def test_of_a_picture_of_the_right_size_every_pixel_stays() -> None:
    assert np.array_equal(decoded(picture(TAKE[0])), TAKE[0])


def test_a_picture_of_another_shape_covers_the_frame_and_is_cut_around_its_middle() -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 255
    fitted = decoded(picture(wide), 20, 20)
    assert fitted[:, 1:-1].min() > 250, "the dark sides are cut away, and no bars are added"


def test_a_photograph_keeps_its_colours() -> None:
    red = np.full((32, 32, 3), (200, 30, 40), np.uint8)
    assert np.abs(decoded(picture(red, "mjpeg"), 16, 16).astype(int) - (200, 30, 40)).max() <= 4


@pytest.mark.parametrize("data", [b"", b"no picture", picture(TAKE[0])[:40]], ids=["empty", "words", "cut off"])
def test_what_is_no_picture_says_why(data: bytes) -> None:
    assert isinstance(decode(data, 16, 16), str)


def test_a_sound_is_no_picture() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    assert isinstance(decode(file.getvalue(), 16, 16), str)


@pytest.fixture
def shop() -> Iterator[tuple[MemoryArtifactStore, ChildPictures]]:
    store = MemoryArtifactStore()
    with ChildPictures(store, workers=1, limit_s=30.0, memory_mib=2048) as pictures:
        yield store, pictures


async def test_a_child_decodes_what_the_store_has(shop: tuple[MemoryArtifactStore, ChildPictures]) -> None:
    store, pictures = shop
    ref = await store.put(encode(TAKE, 16), "video/mp4")
    assert np.array_equal(await pictures.first_frame(ref, 64, 48), TAKE[0])


async def test_what_is_missing_and_what_is_no_picture_are_told_apart(
    shop: tuple[MemoryArtifactStore, ChildPictures],
) -> None:
    store, pictures = shop
    words = await store.put(b"no picture", "image/png")
    with pytest.raises(NoPictureError) as missing:
        await pictures.first_frame(STILL, 64, 48)
    with pytest.raises(NoPictureError, match="continues") as unreadable:
        await pictures.first_frame(words, 64, 48)
    assert (missing.value.kind, unreadable.value.kind) == (FailureKind.ARTIFACT_MISSING, FailureKind.INVALID_INPUT)


async def test_a_decoder_that_runs_out_of_its_memory_takes_nobody_with_it() -> None:
    store = MemoryArtifactStore()
    ref = await store.put(encode(TAKE, 16), "video/mp4")
    with ChildPictures(store, workers=1, limit_s=30.0, memory_mib=640) as pictures:
        with pytest.raises(NoPictureError) as huge:
            await pictures.first_frame(ref, 15_000, 15_000)
        assert huge.value.kind is FailureKind.INTERNAL
        assert np.array_equal(await pictures.first_frame(ref, 64, 48), TAKE[0])


async def continued(studio: Studio, replica: Replica) -> Fact:
    return await studio.clock.run(replica.ask(a_request(spec=CONTINUED)))


async def test_a_shot_starts_from_what_it_continues() -> None:
    studio = Studio()
    lab = studio.lab(first_frame="optional")
    async with studio.replica(lab) as replica:
        assert isinstance(await continued(studio, replica), ShotRendered)
    (job,) = lab.started
    assert job.first_frame is not None
    assert (job.first_frame.shape, job.first_frame.min(), job.first_frame.max()) == ((16, 32, 3), 0x7F, 0x7F)


async def test_a_model_that_starts_from_noise_is_not_bothered_with_pictures() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        replica.album.missing[STILL.sha256] = FailureKind.ARTIFACT_MISSING
        assert isinstance(await continued(studio, replica), ShotRendered)
    assert replica.album.asked == []


async def test_a_missing_picture_ends_the_shot_after_bounded_tries_and_costs_nothing() -> None:
    studio = Studio()
    lab = studio.lab(first_frame="required")
    async with studio.replica(lab) as replica:
        replica.album.missing[STILL.sha256] = FailureKind.ARTIFACT_MISSING
        fact = await continued(studio, replica)
        assert replica.servers[0].breaker.faults == 0, "it is not the server's fault"
    assert isinstance(fact, ShotRenderFailed)
    assert (fact.kind, fact.cost_micros) == (FailureKind.ARTIFACT_MISSING, 0)
    assert len(replica.album.asked) == RULES.policy.fruitless
    assert not lab.started


async def test_a_picture_that_cannot_be_read_is_the_requests_fault_at_once() -> None:
    studio = Studio()
    async with studio.replica(studio.lab(first_frame="optional")) as replica:
        replica.album.missing[STILL.sha256] = FailureKind.INVALID_INPUT
        fact = await continued(studio, replica)
    assert isinstance(fact, ShotRenderFailed)
    assert fact.kind is FailureKind.INVALID_INPUT
    assert len(replica.album.asked) == 1


async def test_a_store_that_is_away_for_a_while_costs_only_time() -> None:
    studio = Studio()
    lab = studio.lab(first_frame="optional")
    async with studio.replica(lab) as replica:
        replica.album.missing[STILL.sha256] = FailureKind.DEPENDENCY_DOWN
        asking = asyncio.ensure_future(replica.ask(a_request(spec=CONTINUED)))
        await studio.clock.advance(100.0)
        assert not asking.done()
        replica.album.missing.clear()
        assert isinstance(await studio.clock.run(asking), ShotRendered)

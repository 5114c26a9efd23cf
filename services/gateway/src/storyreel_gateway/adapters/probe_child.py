"""The sandboxed child: reads untrusted bytes from standard input, says as JSON what they are or why they are refused.

Run by `probing` in a process of its own with an empty environment. Imports come first, then the process locks itself in
(no network, no new privileges, no children, no files, little memory and time), and only then it looks at a byte.
"""

import ctypes
import json
import os
import resource
import sys
from contextlib import suppress
from typing import Any, BinaryIO

import av
from PIL import Image, UnidentifiedImageError

_NOBODY = 65_534
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<?xml", b"<svg", b"<smil", b"#EXTINF", b"v=0\r\n", b"v=0\n")
_PICTURES = {b"\x89PNG\r\n\x1a\n": ("PNG", "image/png"), b"\xff\xd8\xff": ("JPEG", "image/jpeg")}
_SOUNDS = {b"ID3": ("mp3", "audio/mpeg"), b"fLaC": ("flac", "audio/flac"), b"OggS": ("ogg", "audio/ogg")}

Json = dict[str, Any]


class RefusedError(Exception):
    """The file may not be used; the message says why."""


def confine(limits: Json) -> dict[str, str]:
    """Lock the process in; returns what could be had and what could not, in words."""
    libc = ctypes.CDLL(None, use_errno=True)
    network = _leave_network(libc)
    user = _drop_root()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for what, most in (
        (resource.RLIMIT_CPU, limits["cpu_s"]), (resource.RLIMIT_AS, limits["memory_bytes"]), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_NOFILE, 8), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    return {"network": network, "user": user}


def _leave_network(libc: ctypes.CDLL) -> str:
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(flags) == 0:
        return "none (own namespace)"
    return f"shared: unshare was refused ({os.strerror(ctypes.get_errno())})"


def _drop_root() -> str:
    if os.geteuid() != 0:
        return f"uid {os.geteuid()}"
    with suppress(PermissionError):  # a container may withhold the right to change groups; the answer says who we are
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    return f"uid {os.geteuid()}"


def examine(file: BinaryIO, limits: Json) -> Json:
    """What the file is. Raises RefusedError with the reason."""
    head = file.read(512)
    file.seek(0)
    _refuse_text(head)
    for magic, (picture_format, media_type) in _PICTURES.items():
        if head.startswith(magic):
            return _picture(file, picture_format, media_type, limits)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _picture(file, "WEBP", "image/webp", limits)
    return _container(file, *_demuxer(head), limits)


def _refuse_text(head: bytes) -> None:
    if not head:
        raise RefusedError("the file is empty")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_PLAYLISTS):
        raise RefusedError("it is a playlist or markup, which can point at other files and addresses")
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    if printable > 0.95 * len(head):
        raise RefusedError("it is a text file")


def _demuxer(head: bytes) -> tuple[str, str]:
    if head[4:8] == b"ftyp":
        return "mov", "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav", "audio/wav"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska", "video/webm"
    if head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "mp3", "audio/mpeg"
    found = next((kind for magic, kind in _SOUNDS.items() if head.startswith(magic)), None)
    if found is None:
        raise RefusedError("its type is none that may be uploaded")
    return found


def _picture(file: BinaryIO, picture_format: str, media_type: str, limits: Json) -> Json:
    Image.MAX_IMAGE_PIXELS = None  # ours is stricter, and says its numbers
    with Image.open(file, formats=[picture_format]) as image:
        width, height = image.size
        _refuse_size(width, height, limits["pixels"], limits["side"])
        if getattr(image, "n_frames", 1) > 1:
            raise RefusedError("it is animated")
        image.load()
    return {"kind": "image", "media_type": media_type, "width": width, "height": height, "codec": picture_format.lower()}


def _refuse_size(width: int, height: int, pixels: int, side: int) -> None:
    if width * height > pixels or max(width, height) > side:
        most = f"at most {pixels / 1e6:g} megapixels and {side} pixels a side"
        raise RefusedError(f"it measures {width}×{height} pixels ({width * height / 1e6:.0f} megapixels); {most} are allowed")


def _container(file: BinaryIO, demuxer: str, media_type: str, limits: Json) -> Json:
    options = {"protocol_whitelist": "pipe", "format_whitelist": demuxer if demuxer != "matroska" else "matroska,webm"}
    if demuxer == "mov":
        options["format_whitelist"] = "mov,mp4,m4a,3gp,3g2,mj2"
        options["enable_drefs"] = "0"
    with av.open(file, mode="r", format=demuxer, options=options) as container:
        return _tracks(container, media_type, limits)


def _tracks(container: Any, media_type: str, limits: Json) -> Json:
    streams = list(container.streams)
    if not 1 <= len(streams) <= limits["streams"]:
        raise RefusedError(f"it holds {len(streams)} tracks; 1 to {limits['streams']} are allowed")
    duration = (container.duration or 0) / 1_000_000
    if duration > limits["duration_s"]:
        raise RefusedError(f"it lasts {duration:.0f} s; at most {limits['duration_s']:g} s are allowed")
    video = next((s for s in streams if s.type == "video"), None)
    stream = video or next((s for s in streams if s.type == "audio"), None)
    if stream is None:
        raise RefusedError("it holds neither sound nor picture")
    facts = {"duration_s": duration, "streams": len(streams), "codec": stream.codec_context.name}
    if video is None:
        facts |= {"kind": "audio", "media_type": media_type.replace("video/mp4", "audio/mp4")}
    else:
        _refuse_size(video.width, video.height, limits["video_pixels"], limits["side"])
        facts |= {"kind": "video", "media_type": media_type, "width": video.width, "height": video.height}
    _decode_one(container, stream)
    return facts


def _decode_one(container: Any, stream: Any) -> None:
    stream.codec_context.thread_count = 1  # threads count as processes here, and none are allowed
    if next(container.decode(stream), None) is None:
        raise RefusedError("its first frame cannot be decoded")


def main() -> None:
    """Read limits from the command line, the file from standard input; write one line of JSON."""
    limits: Json = json.loads(sys.argv[1])
    Image.preinit()
    isolation = confine(limits)
    answer: Json = {"isolation": isolation}
    try:
        with os.fdopen(0, "rb") as file:
            answer["media"] = examine(file, limits)
    except RefusedError as error:
        answer["reason"] = str(error)
    except MemoryError:
        answer["reason"] = "reading it takes more memory than is allowed"
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, IndexError) as error:
        answer["reason"] = f"it is damaged or not what it says it is ({type(error).__name__})"
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()

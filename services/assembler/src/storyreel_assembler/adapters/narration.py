"""The narrator: a line of text as sound, through a child process that may crash alone."""

import json
import subprocess
import sys
import wave
from math import gcd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from storyreel_assembler.adapters.voice_child import UNKNOWN_VOICE
from storyreel_assembler.domain.film import Unbuildable, Voice
from storyreel_assembler.domain.sound import Line, faster

Sound = NDArray[np.float32]
RATE = 48_000
PATIENCE_S = 60.0
QUIET = 0.004  # of full scale; below that the library only leads in or out


class VoiceDown(RuntimeError):  # noqa: N818 - named after its state
    """The synthesiser crashed or hung; trying again may help."""


def narrate(line: Line, voice: Voice) -> tuple[Sound, list[str]]:
    """The line at 48 kHz mono, peak below 1.0, spoken faster where it would run into the next; and what went wrong.

    Raises `Unbuildable` for an unknown voice, `VoiceDown` when the synthesiser fails.
    """
    sound: Sound = speak(line.text, voice.name, voice.words_per_minute)
    if len(sound) / RATE > line.room_s:
        pace = faster(voice.words_per_minute, len(sound) / RATE, line.room_s)
        sound = speak(line.text, voice.name, pace)
    over = len(sound) / RATE - line.room_s
    if over <= 0:
        return sound, []
    problem = f"narration of {line.shot_id} is {over:.1f} s longer than its room even when spoken fast; its end is cut"
    return sound[: int(line.room_s * RATE)], [problem]


def speak(text: str, voice: str, words_per_minute: int) -> Sound:
    """One line at 48 kHz, mono, without the silence around it."""
    with TemporaryDirectory(prefix="storyreel-voice-") as folder:
        path = Path(folder) / "line.wav"
        order = {"text": text, "voice": voice, "words_per_minute": words_per_minute, "path": str(path)}
        command = [sys.executable, "-m", "storyreel_assembler.adapters.voice_child"]
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no shell
                command, input=json.dumps(order).encode(), capture_output=True, timeout=PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise VoiceDown(f"the voice took longer than {PATIENCE_S:g} s for {len(text)} characters") from error
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == UNKNOWN_VOICE:
            raise Unbuildable(f"narration.voice: {said}")
        if done.returncode != 0:
            raise VoiceDown(f"the voice ended with status {done.returncode}: {said[-200:]}")
        return _trimmed(_at_rate(path))


def _at_rate(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / np.float32(32768)
        rate = file.getframerate()
    if not raw.size:
        return raw
    common = gcd(RATE, rate)
    return cast("Sound", resample_poly(raw, RATE // common, rate // common).astype(np.float32))


def _trimmed(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound) > QUIET)
    return sound[int(loud[0]) : int(loud[-1]) + RATE // 50] if loud.size else sound[:0]

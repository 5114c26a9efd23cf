"""Speaks one line with espeak-ng's library and ends. Started by `narration.py` as its own process.

In: one JSON object on standard input, `{"text", "voice", "words_per_minute", "path"}`. Out: a WAV file at `path`.
Exit 3: the voice does not exist. The library keeps global state and may crash on odd input; here neither reaches the service.
"""

import ctypes
import json
import sys
import wave

import espeakng_loader

RETRIEVAL, RATE, UTF8, OK = 1, 1, 1, 0
UNKNOWN_VOICE = 3
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(text: str, voice: str, words_per_minute: int, path: str) -> int:
    """Write the spoken line to `path` (16 bit, mono, the library's own rate); gives the exit status."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate <= 0:
        print("espeak-ng did not start", file=sys.stderr)
        return 1
    if library.espeak_SetVoiceByName(voice.encode()) != OK:
        print(f"espeak-ng has no voice {voice!r}", file=sys.stderr)
        return UNKNOWN_VOICE
    library.espeak_SetParameter(RATE, words_per_minute, 0)
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)

        def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
            if samples and count:
                out.writeframesraw(ctypes.string_at(samples, count * 2))
            return 0

        callback = Callback(collect)
        library.espeak_SetSynthCallback(callback)
        raw = text.encode() + b"\0"
        library.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, 1, 0, UTF8, None, None)
        library.espeak_Synchronize()
    return 0


if __name__ == "__main__":
    sys.exit(speak(**json.load(sys.stdin)))

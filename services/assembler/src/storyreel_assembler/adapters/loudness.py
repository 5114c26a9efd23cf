"""Loudness measured and set, in one pass and constant memory: ITU-R BS.1770-4 integrated loudness and true peak."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d
from scipy.signal import lfilter, resample_poly

RATE = 48_000
HOP = RATE // 10  # gating blocks of 400 ms start every 100 ms
OVERSAMPLE = 4
CONTEXT = 2_048
REACH = 720  # samples (15 ms) over which the limiter comes and goes
Sound = NDArray[np.float32]
# K-weighting at 48 kHz (BS.1770-4, tables 1 and 2).
_SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
_HIGH = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])


class Meter:
    """Feed it blocks of any length (`n x 2`, 48 kHz); ask for the integrated loudness at the end."""

    def __init__(self) -> None:
        self._states = [np.zeros((2, 2)), np.zeros((2, 2))]
        self._rest = np.zeros((0, 2))
        self._hops: list[float] = []

    def feed(self, block: Sound) -> None:
        """Take the next block."""
        weighted: NDArray[np.float64] = block.astype(np.float64)
        for at, (b, a) in enumerate((_SHELF, _HIGH)):
            weighted, self._states[at] = lfilter(b, a, weighted, axis=0, zi=self._states[at])
        joined = np.concatenate([self._rest, weighted])
        whole = len(joined) // HOP
        energy = (joined[: whole * HOP].reshape(whole, HOP, 2) ** 2).mean(axis=1).sum(axis=1)
        self._hops.extend(energy.tolist())
        self._rest = joined[whole * HOP :]

    @property
    def lufs(self) -> float:
        """Integrated loudness so far; minus infinity when everything is below the gate."""
        hops = np.array(self._hops)
        if len(hops) < 4:
            return float("-inf")
        blocks = (hops[:-3] + hops[1:-2] + hops[2:-1] + hops[3:]) / 4
        loud = blocks[_lufs(blocks) > -70.0]
        if not loud.size:
            return float("-inf")
        gated = loud[_lufs(loud) > float(_lufs(loud.mean())) - 10.0]
        return float(_lufs(gated.mean()))


def _lufs(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(energy, 1e-20)))


class PeakMeter:
    """True peak over blocks of any length: four-fold oversampling with overlap, so that no seam hides a peak."""

    def __init__(self) -> None:
        self._before = np.zeros((64, 2), dtype=np.float32)
        self._peak = 0.0

    def feed(self, block: Sound) -> None:
        """Take the next block."""
        joined = np.concatenate([self._before, block])
        self._peak = max(self._peak, float(np.abs(resample_poly(joined, OVERSAMPLE, 1, axis=0)).max()))
        self._before = joined[-64:]

    @property
    def dbtp(self) -> float:
        """Highest true peak so far in dB of full scale."""
        return float(20 * np.log10(max(self._peak, 1e-10)))


def measure(blocks: Iterable[Sound]) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP) of a stream of blocks."""
    meter, peak = Meter(), PeakMeter()
    for block in blocks:
        meter.feed(block)
        peak.feed(block)
    return meter.lufs, peak.dbtp


def limit(padded: Sound, gain: float, ceiling: float) -> Sound:
    """Apply `gain` and keep true peaks under `ceiling` (linear). `padded` has `CONTEXT` samples around the block.

    Looks both ways by `REACH`, has no state: blocks can be cut anywhere and the joins are exact.
    """
    loud = padded * np.float32(gain)
    fine = np.abs(resample_poly(loud, OVERSAMPLE, 1, axis=0)).max(axis=1)
    peaks = fine.reshape(-1, OVERSAMPLE).max(axis=1)
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    held = minimum_filter1d(wanted, 2 * REACH + 1, mode="nearest")
    window = np.hanning(2 * REACH + 1)
    smooth = np.convolve(held, window / window.sum(), mode="same")
    return (loud * smooth[:, None].astype(np.float32))[CONTEXT:-CONTEXT]

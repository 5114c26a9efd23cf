"""Whether a lost try is worth another one, and after how long."""

from dataclasses import dataclass

from storyreel_contracts.failures import FailureKind, Fate


@dataclass(frozen=True)
class TryPolicy:
    """How long the renderer itself stands up after a fall; what needs another prompt or seed goes to the planner.

    `fruitless` is the most accepted tries in a row that bring no new checkpoint; pauses double from `pause_s` to
    `longest_pause_s`; `patience_s` is the most that is waited in all without getting on. Times in seconds.
    """

    fruitless: int = 4
    pause_s: float = 1.0
    longest_pause_s: float = 30.0
    patience_s: float = 3600.0


@dataclass
class Falls:
    """Tries that one job lost in a row without getting on."""

    policy: TryPolicy
    fell: int = 0
    fruitless: int = 0
    waited: float = 0.0

    def pause_after(self, kind: FailureKind, *, held_against: bool, advanced: bool) -> float | None:
        """Seconds to wait before the next try, or None to give up.

        A try that brought a checkpoint (`advanced`) starts the count anew. One that no server accepted, or that ended because
        its server was asked to stop, says nothing against the job: it only waits, and only the patience ends that.
        """
        if kind.fate is not Fate.RETRY:
            return None
        if advanced:
            self.fell, self.fruitless, self.waited = 0, 0, 0.0
        self.fell += 1
        self.fruitless += held_against
        pause = min(self.policy.pause_s * 2.0 ** min(self.fell - 1, 16), self.policy.longest_pause_s)
        self.waited += pause
        if self.fruitless >= self.policy.fruitless or self.waited > self.policy.patience_s:
            return None
        return pause

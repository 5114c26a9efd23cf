"""Failure taxonomy: each kind states its fate, so that retry semantics are part of the contract."""

from enum import StrEnum

from storyreel_contracts.base import OpenEnum


class Fate(StrEnum):
    """What becomes of work that failed in this way."""

    RETRY = "retry"  # the same work again, later, within the attempt limit
    REMEDY = "remedy"  # the planner changes something (prompt, seed, size) and asks anew
    DEAD_LETTER = "dead_letter"  # an operator looks; the bytes are kept
    TERMINAL = "terminal"  # the film version ends


class FailureKind(OpenEnum):
    """Why something failed."""

    INVALID_INPUT = "invalid_input"
    POLICY_BLOCKED = "policy_blocked"
    BUDGET_EXHAUSTED = "budget_exhausted"
    DEADLINE_PASSED = "deadline_passed"
    CANCELLED = "cancelled"
    CAPACITY = "capacity"
    TIMEOUT = "timeout"
    DEPENDENCY_DOWN = "dependency_down"
    DEVICE_LOST = "device_lost"
    OUT_OF_MEMORY = "out_of_memory"
    MODEL_FAULT = "model_fault"
    ARTIFACT_MISSING = "artifact_missing"
    CONTRACT_VIOLATION = "contract_violation"
    INTERNAL = "internal"
    UNKNOWN = "unknown"

    @property
    def fate(self) -> Fate:
        """The fate that every service gives to this kind."""
        return _FATES[self]


_FATES = {
    FailureKind.INVALID_INPUT: Fate.TERMINAL,
    FailureKind.POLICY_BLOCKED: Fate.REMEDY,
    FailureKind.BUDGET_EXHAUSTED: Fate.TERMINAL,
    FailureKind.DEADLINE_PASSED: Fate.TERMINAL,
    FailureKind.CANCELLED: Fate.TERMINAL,
    FailureKind.CAPACITY: Fate.RETRY,
    FailureKind.TIMEOUT: Fate.RETRY,
    FailureKind.DEPENDENCY_DOWN: Fate.RETRY,
    FailureKind.DEVICE_LOST: Fate.RETRY,
    FailureKind.OUT_OF_MEMORY: Fate.REMEDY,
    FailureKind.MODEL_FAULT: Fate.REMEDY,
    FailureKind.ARTIFACT_MISSING: Fate.RETRY,
    FailureKind.CONTRACT_VIOLATION: Fate.DEAD_LETTER,
    FailureKind.INTERNAL: Fate.RETRY,
    FailureKind.UNKNOWN: Fate.DEAD_LETTER,
}

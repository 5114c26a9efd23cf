"""The checker: a history in, violations out. Pure; it knows the contract's words and nothing of how a service works.

`RULES` are judged for every film that was asked for; `repeated`, `side_by_side` and `late_starts` look at what the device
counted; `agree` compares two readers of the same topics.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from records import TERMINAL, History, Record, Step
from storyreel_contracts import RenderSpec
from storyreel_renderer.domain.takes import trajectory

LOSSY = frozenset({"shot.progressed.v1"})
_WORD = {"film.published.v1": "published", "film.failed.v1": "failed", "film.cancelled.v1": "cancelled"}


class Violation(NamedTuple):
    """What must not be: which rule, which film ('' for none), in words."""

    rule: str
    film: str
    what: str


Rule = Callable[[History], Iterator[Violation]]


def judge(history: History) -> list[Violation]:
    """All violations of all rules."""
    return [violation for rule in RULES for violation in rule(history)]


def one_end(history: History) -> Iterator[Violation]:
    """Every version that began ends exactly once."""
    for film in sorted(history.films):
        if not history.of(film, "film.requested.v1"):
            yield Violation("one_end", film, "its brief was sent, and no film was requested")
        for version in {1} | {r.data["version"] for r in history.of(film, "film.edit-requested.v1")}:
            ends = [r for r in history.of(film, *TERMINAL) if r.data["version"] == version]
            if len(ends) != 1:
                last = [r.type for r in history.facts.get(film, [])][-3:]
                names = [f"{r.type} {r.event_id}" for r in ends]
                yield Violation("one_end", film, f"version {version} ends {len(ends)} times {names}; its last facts: {last}")


def one_meaning(history: History) -> Iterator[Violation]:
    """A fact that is written again says the same again."""
    said: dict[tuple[str, str], bytes] = {}
    for record in history.records:
        if record.key in history.films and record.type not in LOSSY and "-retry-" not in record.topic:
            first = said.setdefault((record.topic, record.event_id), record.value)
            if first != record.value:
                yield Violation("one_meaning", record.key, f"{record.type} {record.event_id} says two things: {record.place}")


def only_cleared(history: History) -> Iterator[Violation]:
    """Nothing is published without the clearances of its brief, plan, cut and each shot in the cut."""
    for end in history.every("film.published.v1"):
        film, version, cut = end.key, end.data["version"], end.data["cut_key"]
        shots = {r.data["key"] for r in history.of(film, "shot.cleared.v1")}
        used = [s["key"] for r in history.of(film, "cut.requested.v1") if r.data["cut_key"] == cut for s in r.data["shots"]]
        missing = {
            "brief": not history.of(film, "brief.cleared.v1"),
            "plan": all(r.data["version"] != version for r in history.of(film, "plan.cleared.v1")),
            "cut": cut not in {r.data["cut_key"] for r in history.of(film, "film.cleared.v1")},
            "shot": not used or bool(set(used) - shots),
        }
        for what in (name for name, gone in missing.items() if gone):
            yield Violation("only_cleared", film, f"version {version} is published without a cleared {what}")


def paid_once(history: History) -> Iterator[Violation]:
    """A build key is paid for once, whichever film or request asks for it."""
    paid = defaultdict(list)
    for record in history.every("shot.rendered.v1"):
        if not record.data["reused"]:
            paid[record.data["key"]].append(record)
    for key, bills in paid.items():
        if len(bills) > 1:
            yield Violation("paid_once", bills[0].key, f"{key} was paid for by {[r.event_id for r in bills]}")


def bytes_are_there(history: History) -> Iterator[Violation]:
    """What a fact refers to lies in the store and hashes to what the fact says."""
    seen = set()
    for film, facts in history.facts.items():
        for ref in (ref for fact in facts for ref in references(fact.data)):
            if ref["uri"] in seen:
                continue
            seen.add(ref["uri"])
            stored = history.objects.get(ref["uri"].split("/", 3)[3])
            if stored is None or (stored.sha256, stored.size) != (ref["sha256"], ref["size"]):
                yield Violation(
                    "bytes_are_there", film, f"{ref['uri']} should have {ref['size']} bytes; the store has {stored}"
                )


def claims_and_ends(history: History) -> Iterator[Violation]:
    """Each claimed outcome has its terminal fact, and each terminal fact its claim."""
    ends = {(r.key, r.data["version"]): _WORD[r.type] for r in history.every(*TERMINAL)}
    for film, version in sorted(set(ends) | {c for c in history.claims if c[0] in history.films}):
        claim, end = history.claims.get((film, version)), ends.get((film, version))
        if claim != end:
            yield Violation("claims_and_ends", film, f"version {version} is claimed as {claim} and ended as {end}")


def manifests_match(history: History) -> Iterator[Violation]:
    """A published film's manifest names this film, this version, this cut and the bytes of these files."""
    for end in history.every("film.published.v1"):
        files = {name: ref["sha256"] for name, ref in end.data["files"].items()}
        manifest = history.manifests.get(files.pop("manifest.json", ""), {})
        named = {name: ref["sha256"] for name, ref in manifest.get("files", {}).items()}
        is_about = [manifest.get(name) for name in ("film_id", "version", "cut_key")]
        if is_about != [end.key, end.data["version"], end.data["cut_key"]] or named != files:
            yield Violation("manifests_match", end.key, f"its manifest is about {is_about} and names {sorted(named)}")


def nothing_dead(history: History) -> Iterator[Violation]:
    """The dead letters hold nothing of these films."""
    for record in history.records:
        if record.topic.endswith("-dlq") and record.key in history.films:
            reason = record.headers.get("x-dlq-error", "")
            yield Violation("nothing_dead", record.key, f"{record.topic}: {record.type}: {reason[:200]}")


def causes_are_known(history: History) -> Iterator[Violation]:
    """What a fact names as its cause was written: nothing was lost after its consequence was told."""
    known = {r.event_id for r in history.records}
    for facts in history.facts.values():
        for fact in facts:
            if fact.cause_id and fact.cause_id not in known:
                yield Violation("causes_are_known", fact.key, f"{fact.type}: nobody wrote its cause {fact.cause_id}")


def nothing_uncommitted(history: History) -> Iterator[Violation]:
    """At rest every group has committed all that it was given."""
    for group, lag in history.lag.items():
        if lag:
            yield Violation("nothing_uncommitted", "", f"{group} is {lag} records behind")


RULES: tuple[Rule, ...] = (
    one_end, one_meaning, only_cleared, paid_once, bytes_are_there, claims_and_ends, manifests_match, nothing_dead,
    causes_are_known, nothing_uncommitted,
)  # fmt: skip


def without_gaps(records: Iterable[Record]) -> Iterator[Violation]:
    """Offsets of each partition are contiguous: whoever reads misses nothing."""
    last: dict[tuple[str, int], int] = {}
    for topic, partition, offset in sorted({r.place for r in records}):
        before = last.get((topic, partition), offset - 1)
        if offset != before + 1:
            yield Violation("without_gaps", "", f"{topic}/{partition} goes from {before} to {offset}")
        last[topic, partition] = offset


def agree(during: Iterable[Record], afterwards: Iterable[Record]) -> Iterator[Violation]:
    """Who read during the trouble and who reads afterwards have seen the same."""
    first, second = ({r.place: r for r in records} for records in (during, afterwards))
    for place in sorted(set(first) ^ set(second)):
        which = "only during the trouble" if place in first else "only afterwards"
        yield Violation("agree", "", f"{place} was seen {which}")
    for place in sorted(set(first) & set(second)):
        if first[place].print != second[place].print:
            yield Violation("agree", first[place].key, f"{place} reads otherwise afterwards")


class Work(NamedTuple):
    """Device seconds made, and those of them that had been made before."""

    made: float
    again: float

    @property
    def share(self) -> float:
        """The part that was repeated, 0..1."""
        return self.again / self.made if self.made else 0.0


def repeated(history: History) -> Work:
    """Of what the device did for these films, how much it had done before: a step of a trajectory twice."""
    mine, times = _films_of(history), Counter[tuple[str, int]]()
    made = again = 0.0
    for step in (s for s in history.steps if s.step and s.path in mine):
        made += step.seconds
        again += step.seconds if times[step.path, step.step] else 0.0
        times[step.path, step.step] += 1
    return Work(made, again)


def side_by_side(history: History) -> Iterator[Violation]:
    """No two jobs make the same trajectory at the same time: that is what the lease is for."""
    mine, jobs = _films_of(history), defaultdict[str, dict[str, list[Step]]](lambda: defaultdict(list))
    for step in (s for s in history.steps if s.path in mine):
        jobs[step.path][step.job].append(step)
    for path, tries in jobs.items():
        spans = sorted((min(s.at_ms for s in steps), max(s.at_ms for s in steps)) for steps in tries.values())
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                yield Violation("side_by_side", mine[path], f"two jobs made {path[:12]} at once, for {end - start} ms")


def late_starts(history: History, grace_ms: int) -> Iterator[Violation]:
    """No render starts after the end of its version; `grace_ms` covers a start under way while the end was written."""
    mine = _films_of(history)
    ends = {film: min(r.at_ms for r in found) for film in history.films if (found := history.of(film, *TERMINAL))}
    for step in history.steps:
        film = mine.get(step.path, "")
        late = step.at_ms - ends.get(film, step.at_ms)
        if step.step == 0 and late > grace_ms:
            yield Violation("late_starts", film, f"job {step.job} started {late} ms after the end of its film")


def late_after_deadline(history: History, grace_ms: int, deadlines_ms: dict[str, int]) -> Iterator[Violation]:
    """No render starts after the film's deadline."""
    mine = _films_of(history)
    for step in history.steps:
        film = mine.get(step.path, "")
        late = step.at_ms - deadlines_ms.get(film, step.at_ms)
        if step.step == 0 and late > grace_ms:
            yield Violation("late_after_deadline", film, f"job {step.job} started {late} ms after the deadline")


def references(data: Any) -> Iterator[dict[str, Any]]:
    """All artifact references in a fact."""
    if isinstance(data, dict):
        if {"uri", "sha256", "size"} <= data.keys():
            yield data
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from references(item)


def _films_of(history: History) -> dict[str, str]:
    """Film by trajectory, from what was requested."""
    asked = history.every("shot.requested.v1")
    return {trajectory(RenderSpec.model_validate(r.data["spec"]), 0): r.key for r in asked}

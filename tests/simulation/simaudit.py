"""The auditor: sees every record as it is written and what must hold then; at the end, what must have happened."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from simbroker import Broker
from storyreel_contracts import Event, decode
from storyreel_contracts.topics import SERVICES, dead_letters_of

if TYPE_CHECKING:
    from simpeople import Ordered

TERMINAL = frozenset({"film.published.v1", "film.failed.v1", "film.cancelled.v1"})
PAID = frozenset({"shot.rendered.v1", "shot.render-failed.v1"})


class Auditor:
    """Facts by film, each counted once by its id: what readers go by."""

    def __init__(self, broker: Broker) -> None:
        self.facts: dict[str, dict[str, Event]] = defaultdict(dict)
        self.dead: list[Any] = []
        self._append, broker.append = broker.append, self.append  # type: ignore[method-assign]

    def append(self, topic: str, key: bytes | None, value: bytes, headers: Any) -> Any:
        """Look at a record, then let it be written."""
        if topic in {dead_letters_of(s) for s in SERVICES}:
            self.dead.append((topic, dict(headers), value))
        elif "-retry-" not in topic and topic != "campaign-briefs":
            self._see(decode(list(headers), value))
        return self._append(topic, key, value, headers)

    def _see(self, event: Event) -> None:
        known = self.facts[event.film_id]
        if event.event_id in known:
            return
        known[event.event_id] = event
        if event.envelope.type in TERMINAL:
            self._one_end(event)
        if event.envelope.type == "film.published.v1":
            self._only_cleared(event)
        if event.envelope.type == "shot.rendered.v1" and not event.data.reused:
            self._paid_once(event)

    def _of(self, film_id: str, *types: str) -> list[Event]:
        return [e for e in self.facts[film_id].values() if e.envelope.type in types]

    def _one_end(self, event: Event) -> None:
        ends = [e for e in self._of(event.film_id, *TERMINAL) if e.data.version == event.data.version]
        assert len(ends) == 1, f"version {event.data.version} ends {len(ends)} times: {[e.envelope.type for e in ends]}"

    def _only_cleared(self, event: Event) -> None:
        film, version = event.film_id, event.data.version
        assert self._of(film, "brief.cleared.v1"), "published without a cleared brief"
        assert any(e.data.version == version for e in self._of(film, "plan.cleared.v1")), "published without a cleared plan"
        cuts = {e.data.cut_key for e in self._of(film, "film.cleared.v1")}
        assert event.data.cut_key in cuts, "published without a cleared cut"
        shots = {e.data.key for e in self._of(film, "shot.cleared.v1")}
        used = [s.key for e in self._of(film, "cut.requested.v1") if e.data.cut_key == event.data.cut_key for s in e.data.shots]
        assert used, "a cut without shots"
        assert set(used) <= shots, "published with a shot that was not cleared"

    def _paid_once(self, event: Event) -> None:
        paid = [e for e in self._of(event.film_id, "shot.rendered.v1") if not e.data.reused and e.data.key == event.data.key]
        assert len(paid) == 1, f"{event.data.shot_id} {event.data.tier} was paid for {len(paid)} times"

    def judge(self, films: "list[Ordered]") -> None:
        """At rest: every version of every film ended once, within its budget, and nothing lies among the dead letters."""
        assert not self.dead, f"dead letters: {self.dead[:1]}"
        for ordered in films:
            spent = sum(e.data.cost_micros for e in self._of(ordered.film_id, *PAID))
            assert spent <= ordered.brief.budget.micros, f"{spent} micros spent of {ordered.brief.budget.micros}"

    def is_end(self, event: Event) -> bool:
        """Whether a fact ends a version."""
        return event.envelope.type in TERMINAL

    def all_ended(self, films: "list[Ordered]") -> bool:
        """Whether every version that began has ended."""
        return not self.open(films)

    def open(self, films: "list[Ordered]") -> list[str]:
        """Versions that began and did not end."""
        found = []
        for ordered in films:
            if not self._of(ordered.film_id, "film.requested.v1"):
                found.append(f"{ordered.film_id}: not even requested")
            begun = {1} | {e.data.version for e in self._of(ordered.film_id, "film.edit-requested.v1")}
            ended = {e.data.version for e in self._of(ordered.film_id, *TERMINAL)}
            found += [f"{ordered.film_id} v{v}" for v in sorted(begun - ended)]
        return found

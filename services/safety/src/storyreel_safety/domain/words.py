"""Judging passages of text by the policy's word rules. Pure and CPU-bound; called in a child process by an adapter."""

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel
from storyreel_contracts import Finding, Severity

from storyreel_safety.domain.policy import Policy, WordRule
from storyreel_safety.domain.spelling import Folded, Sighting, Term, fold

_WEIGHT = {Severity.NOTE: 0, Severity.REVIEW: 1, Severity.BLOCK: 2}
_CLAUSE_END = re.compile(r"[.!?;,:\n]")


class Passage(BaseModel):
    """Some text and the field it stands in."""

    where: str
    text: str


class Mark(BaseModel):
    """A finding and what exactly it is about, so that a reviewer's yes holds for just that and nothing else."""

    finding: Finding
    about: str


def weight(severity: Severity) -> int:
    """How much a severity weighs; what this reader does not know weighs as a block."""
    return _WEIGHT.get(severity, _WEIGHT[Severity.BLOCK])


def judge(passages: Iterable[Passage], policy: Policy) -> list[Mark]:
    """All marks of all passages, in order; one per rule, term and passage."""
    return [mark for passage in passages if passage.text for mark in _judge_one(passage, policy)]


def _judge_one(passage: Passage, policy: Policy) -> Iterator[Mark]:
    folded = fold(passage.text)
    for name, rule in policy.words.items():
        if rule.near and not any(_seen(rule.near, folded, policy)):
            continue
        excused = [(s.start, s.end) for _, s in _seen(rule.unless, folded, policy)]
        for term, sighting in _firsts(_seen(rule.terms, folded, policy), excused):
            yield _mark(name, rule, policy, passage, (folded, term, sighting))


def _seen(terms: Sequence[str], folded: Folded, policy: Policy) -> Iterator[tuple[str, Sighting]]:
    return ((t, s) for t in terms for s in Term(t).sightings(folded, policy.ordinary_words))


def _firsts(seen: Iterable[tuple[str, Sighting]], excused: list[tuple[int, int]]) -> Iterator[tuple[str, Sighting]]:
    """The surest sighting of each term that is not excused."""
    best: dict[str, Sighting] = {}
    for term, sighting in seen:
        inside = any(start <= sighting.start and sighting.end <= end for start, end in excused)
        if not inside and (term not in best or (sighting.sure and not best[term].sure)):
            best[term] = sighting
    yield from best.items()


def _mark(name: str, rule: WordRule, policy: Policy, passage: Passage, seen: tuple[Folded, str, Sighting]) -> Mark:
    folded, term, sighting = seen
    quoted = " ".join(folded.quote(sighting.start, sighting.end).split())[:80]
    severity = rule.severity if sighting.sure else min(rule.severity, policy.unsure_severity_max, key=weight)
    finding = Finding(
        rule=name,
        category=rule.category,
        severity=severity,
        where=passage.where,
        explanation=f"{rule.explanation} (“{quoted}”{'' if quoted.casefold() == term else f', read as “{term}”'})",
    )
    return Mark(finding=finding, about=f"{name}|{term}|{_clause(folded, sighting)}")


def _clause(folded: Folded, sighting: Sighting) -> str:
    """The clause around a sighting: what a reviewer has read when they say yes."""
    before = [m.end() for m in _CLAUSE_END.finditer(folded.text, 0, sighting.start)]
    after = _CLAUSE_END.search(folded.text, sighting.end)
    return " ".join(folded.text[before[-1] if before else 0 : after.start() if after else None].split())

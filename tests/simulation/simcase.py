"""One seed: what it lives through follows from its number. A failing one replays with `simulate.py --seed N`."""

import logging
import random
import warnings
from dataclasses import dataclass, replace

import simloop
from simcontrols import CONTROLS
from simhands import Luck
from simstudio import Plan, Studio
from simwriter import Writing


@dataclass(frozen=True)
class Verdict:
    """What became of a seed; `violation` is '' if all held."""

    seed: int
    violation: str
    facts: int
    ends: tuple[str, ...]


def plan_of(seed: int) -> Plan:
    """Every seventh seed has fair weather; in the others it storms, and a process dies at a crash point that the seed names."""
    if seed % 7 == 0:
        return Plan(storm_s=0)
    luck = Luck(hand_fails=0.03, render_fails=0.1, asks=0.05, blocks=0.02)
    dies = 1 + seed * 7919 % 600
    writer = Writing(wrong=0.6, fallback=seed % 10 == 2) if seed % 5 == 2 else None
    haste = 40 if seed % 2 else 8
    return Plan(films=1 + seed % 2, die_after=dies, luck=luck, haste_s=haste, leases_hold=seed % 3 == 1, writer=writer)


def live(seed: int, control: str = "") -> Verdict:
    """Run one seed, or one with a guard taken away."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore", RuntimeWarning)  # killed processes leave coroutines that nobody awaits
    made: list[Studio] = []

    async def main() -> None:
        made.append(CONTROLS.get(control, Studio)(seed, _plan(seed, control)))
        await made[0].run()

    try:
        simloop.run(random.Random(seed), main())
        violation = ""
    except (AssertionError, BaseExceptionGroup) as error:
        violation = str(error) or type(error).__name__
    finally:
        logging.disable(logging.NOTSET)
    facts = [e for film in made[0].auditor.facts.values() for e in film.values()]
    ends = sorted(f"{e.envelope.type} v{e.data.version}" for e in facts if made[0].auditor.is_end(e))
    return Verdict(seed, violation, len(facts), tuple(ends))


def _plan(seed: int, control: str) -> Plan:
    if control == "leases":  # what they are for is rare: partitions that change hands while something is rendered
        return replace(plan_of(seed), storm_s=120, fault_every_s=3, leases_hold=True)
    return plan_of(seed)

"""The goals: what is done to the studio while films are made, what must hold then, and the guard whose absence must show.

Each is a coroutine of the run, its size and its chance. What it needs of the stage it puts back as it was.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from chapter import Chapter, Reached, Run
from controls import (
    with_a_deaf_renderer,
    without_a_first_writer,
    without_done_marks,
    without_draining,
    without_leases,
    without_trying_again,
)
from history import Violation, late_after_deadline, late_starts, side_by_side
from pour import shots
from sizes import GRACE_MS, IN_FLIGHT, PATIENCE_S, Size
from skew import version_skew
from stage import meter_of
from storyreel_local.parts.service import NAMES
from striking import freeze, made_again, nobody_extra, under

REPEATED_AT_MOST = 0.05


async def crashes(run: Run, size: Size) -> Reached:
    """G1: SIGKILL to a random service at a random moment, a new process at once."""
    into = Reached("G1 kill -9", f"{size.strikes} kills, {size.films} films; 0 lost, doubled, stuck; <= 5 % work again")
    chapter, chance = run.chapter(), size.chance()

    async def kill() -> None:
        run.stage.bounce(chance.choice(NAMES))

    await under(chapter, size, into, kill)
    into.violations += made_again(await chapter.close(into), into, REPEATED_AT_MOST)
    if size.controls:
        into.control = await without_done_marks(run)
    return into


async def rolling(run: Run, size: Size) -> Reached:
    """G15: SIGTERM to one service after the other; work in hand is finished, nothing is rendered again."""
    into = Reached("G15 rolling restarts", f"{size.strikes} restarts; 0 lost, doubled; no step made again")
    await run.stage.refit("", ["renderer"], RENDERER_NULL_STEP_SECONDS="0.4")
    chapter, turns, slowest = run.chapter(), iter(NAMES * (size.strikes // len(NAMES) + 1)), [0.0]

    async def restart() -> None:
        name = next(turns, "renderer")
        try:
            slowest[0] = max(slowest[0], await run.stage.end(name))
        except TimeoutError:
            into.violations.append(Violation("obeys", "", f"{name} did not end within 40 s of SIGTERM"))
            run.stage.kill(name)
        run.stage.start(name)
        await run.stage.ready(name)

    await under(chapter, size, into, restart)
    into.figures["slowest_end_s"] = round(slowest[0], 1)
    into.violations += made_again(await chapter.close(into), into, 0.0)
    if size.controls:
        into.control = await without_draining(run)
    await run.stage.refit("", ["renderer"])
    return into


async def ends_by_people(run: Run, size: Size) -> Reached:
    """G18: half of the films cancelled at random moments, half with a deadline that may pass at any moment."""
    into = Reached("G18 cancels, deadlines", f"{size.films} films; one end each; no render starts > {GRACE_MS} ms after it")
    await run.stage.refit("", ["renderer"], RENDERER_NULL_STEP_SECONDS="0.4")
    chapter, chance = run.chapter(), size.chance()
    changes: list[asyncio.Task[int]] = []
    for number in range(size.films):
        while len(chapter.pour.open) >= IN_FLIGHT:
            await asyncio.sleep(0.1)
        if number % 2:
            await chapter.pour.ask(deadline_s=chance.uniform(2, 120))
        else:
            film = await chapter.pour.ask(duration_s=2, storyboard=shots(2, str(number)))
            changes.append(asyncio.create_task(_cancel_later(chapter, film, chance.uniform(0, 12))))
    answers = await asyncio.gather(*changes)
    history = await chapter.close(into)
    into.figures |= {"cancels": len(answers), "cancels_taken": answers.count(202), "deadlines": size.films // 2}
    into.violations += late_starts(history, GRACE_MS)
    into.violations += late_after_deadline(history, GRACE_MS, {f: d for f, d in chapter.pour.films.items() if d})
    if size.controls:
        into.control = f"{await with_a_deaf_renderer(run)}; {await without_a_first_writer(run)}"
    await run.stage.refit()
    return into


async def _cancel_later(chapter: Chapter, film: str, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return await chapter.pour.cancel(film)


async def storm(run: Run, size: Size) -> Reached:
    """G5: a second member of a random service joins, leaves or dies every few seconds; some are frozen past their session."""
    into = Reached(
        "G5 rebalance storm", f"{size.strikes} joins, leaves, deaths, freezes; 0 lost, doubled, rendered side by side"
    )
    chapter, chance, chores = run.chapter(), size.chance(), set[asyncio.Task[None]]()

    async def blow() -> None:
        name = f"{chance.choice(NAMES)}-2"
        if not run.stage.running(name):
            run.stage.start(name)
        elif chance.random() < 0.2:
            chores.add(asyncio.create_task(freeze(run, chance.choice([name, name.removesuffix("-2")]))))
        elif chance.random() < 0.5:
            run.stage.kill(name)
        else:
            with suppress(TimeoutError):
                await run.stage.end(name)

    await under(chapter, size, into, blow)
    await asyncio.gather(*chores)
    history = await chapter.close(into)
    into.violations += [*side_by_side(history), *made_again(history, into, 1.0)]
    if size.controls:
        into.control = await without_leases(run)
    await nobody_extra(run)
    return into


_TOXICS: tuple[tuple[str, dict[str, int]], ...] = (
    ("latency", {"latency": 300, "jitter": 200}), ("timeout", {"timeout": 500}), ("reset_peer", {"timeout": 100}),
    ("slicer", {"average_size": 64, "size_variation": 32, "delay": 200}), ("limit_data", {"bytes": 4096}),
    ("bandwidth", {"rate": 64}),
)  # fmt: skip


async def toxics(run: Run, size: Size) -> Reached:
    """G4: toxics on the way to Kafka, Redis and S3, one at a time, each for a few seconds; or the way is closed."""
    into = Reached("G4 network", f"{size.strikes} toxics on Kafka, Redis, S3; 0 lost, doubled, stuck")
    proxies = run.stage.toxiproxy
    if proxies is None:
        into.skipped = "toxiproxy cannot be had"
        return into
    chapter, chance = run.chapter(), size.chance()

    async def poison() -> None:
        store = chance.choice(("kafka", "redis", "s3"))
        kind, attributes = chance.choice([*_TOXICS, ("down", {})])
        if kind == "down":
            await asyncio.to_thread(proxies.enable, store, enabled=False)
        else:
            stream = chance.choice(("upstream", "downstream"))
            await asyncio.to_thread(lambda: proxies.add(store, kind, stream, **attributes))
        await asyncio.sleep(chance.uniform(0.5, 4))
        await asyncio.to_thread(proxies.reset)

    await under(chapter, size, into, poison)
    into.violations += made_again(await chapter.close(into), into, REPEATED_AT_MOST)
    if size.controls:
        close = [lambda: proxies.enable("redis", enabled=False), proxies.reset]
        into.control = await without_trying_again(run, *close)
    return into


async def stores(run: Run, size: Size) -> Reached:
    """G3: SIGKILL to the broker, to Redis or to the object store; a new process on the same data at once."""
    into = Reached("G3 broker and stores", f"{size.strikes} kills of Kafka, Redis, S3; 0 lost, doubled, stuck")
    chapter, chance = run.chapter(), size.chance()

    async def kill() -> None:
        name = chance.choice(("kafka", "redis", "s3"))
        run.stage.bounce(name)
        await run.stage.ready(name)

    await under(chapter, size, into, kill)
    into.violations += made_again(await chapter.close(into), into, REPEATED_AT_MOST)
    if size.controls:
        into.control = await without_trying_again(run, lambda: run.stage.kill("redis"), lambda: run.stage.start("redis"))
    return into


async def crash_points(run: Run, size: Size) -> Reached:
    """G2: each service dies at its first crash point, then at its second, …, until its films are made before it dies."""
    into = Reached("G2 crash points", f"up to {size.strikes} rounds; every point of every service; 0 lost, doubled, stuck")
    chapter, doomed, died = run.chapter(), set(NAMES), 0
    for number in range(1, size.strikes + 1):
        await run.stage.refit("", doomed, CHAOS_DIE_AT=str(number))
        await chapter.pour.films_of(2, 2)
        doomed = await _dead(run, chapter, doomed)
        died += len(doomed)
        if not doomed:
            break
    await run.stage.refit()
    into.figures |= {"rounds": number, "deaths": died, "services_with_more": len(doomed), "points": len(points_met(run))}
    into.violations += made_again(await chapter.close(into), into, 1.0)
    if size.controls:
        into.control = await without_done_marks(run)
    return into


async def _dead(run: Run, chapter: Chapter, doomed: set[str]) -> set[str]:
    """Start again who dies, until the films have ended or nothing happens any more; returns who died."""
    dead, since = set[str](), time.monotonic()
    while chapter.pour.open and time.monotonic() - since < PATIENCE_S:
        await asyncio.sleep(0.2)
        for name in sorted(doomed - dead):
            if not run.stage.running(name):
                dead.add(name)
                await run.stage.refit("", [name])  # it does not run, so only its doom is lifted
                run.stage.start(name)
    return dead


def points_met(run: Run) -> set[str]:
    """Which crash points were met: service, before or after, which write."""
    book = meter_of(run.stage.context).with_name("deaths.txt")
    return set(book.read_text().splitlines()) if book.exists() else set()


GOALS: dict[str, Callable[[Run, Size], Awaitable[Reached]]] = {
    "G1": crashes, "G15": rolling, "G18": ends_by_people, "G5": storm, "G4": toxics, "G3": stores,
    "G2": crash_points, "G16": version_skew,
}  # fmt: skip

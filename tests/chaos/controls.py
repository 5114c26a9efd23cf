"""Negative controls: the studio with one guard taken away, in which the checker must find what the guard is for.

Each answers 'yes: …' with what was found first, or 'NO'.
"""

import asyncio
from collections.abc import Callable

from chapter import Reached, Run
from history import late_starts, side_by_side
from pour import shots
from records import Record
from sizes import CONTROL_SILENCE_S, GRACE_MS, PATIENCE_S
from striking import freeze, made_again, nobody_extra, until


async def without_done_marks(run: Run, films: int = 4, silence_s: float = CONTROL_SILENCE_S) -> str:
    """What a killed renderer had in hand was committed, so nobody renders it."""
    await run.stage.refit("commits behind the work", ["renderer"], RENDERER_NULL_STEP_SECONDS="1.5")
    chapter, rendering = run.chapter(), asyncio.Event()
    chapter.pour.on(lambda r: rendering.set() if r.type == "shot.progressed.v1" else None)
    await chapter.pour.films_of(films, films)
    await asyncio.wait_for(rendering.wait(), PATIENCE_S)
    run.stage.bounce("renderer")
    caught = await chapter.caught(silence_s)
    await run.stage.refit("", ["renderer"])
    return caught


async def without_draining(run: Run) -> str:
    """A renderer that ends at once when asked to makes steps that somebody makes again."""
    await run.stage.refit("draining", ["renderer"], RENDERER_NULL_STEP_SECONDS="0.4")
    chapter = run.chapter()
    seen: list[Record] = []
    chapter.pour.on(lambda r: seen.append(r) if r.type == "shot.progressed.v1" else None)
    await chapter.pour.films_of(8, 8)
    for _ in range(3):
        await until(lambda: bool(seen) or not chapter.pour.open, PATIENCE_S)
        await asyncio.sleep(0.2)
        await run.stage.end("renderer")
        run.stage.start("renderer")
        await run.stage.ready("renderer")
        seen.clear()
    history = await chapter.history()
    return await chapter.caught(CONTROL_SILENCE_S, *made_again(history, Reached("", ""), 0.0))


async def with_a_deaf_renderer(run: Run) -> str:
    """A film is cancelled while most of its shots wait for a place (there are twelve), and nobody tells the renderer."""
    await run.stage.refit("asking who still waits", ["renderer"], RENDERER_NULL_STEP_SECONDS="3")
    chapter, rendering = run.chapter(), asyncio.Event()
    chapter.pour.on(lambda r: rendering.set() if r.type == "shot.requested.v1" else None)
    film = await chapter.pour.ask(duration_s=30, storyboard=shots(30, "long"))
    await asyncio.wait_for(rendering.wait(), PATIENCE_S)
    await chapter.pour.cancel(film)
    await asyncio.sleep(15)  # what waits for a place starts meanwhile
    return await chapter.caught(CONTROL_SILENCE_S, *late_starts(await chapter.history(), GRACE_MS))


async def without_a_first_writer(run: Run) -> str:
    """Cancelled while it is being signed: whoever writes last is believed."""
    await run.stage.refit("first writer wins", ["gateway", "assembler", "planner"])
    chapter, cancelling = run.chapter(), set[asyncio.Task[int]]()

    def cancel_at_the_door(record: Record) -> None:
        if record.type == "film.cleared.v1":
            cancelling.add(asyncio.create_task(chapter.pour.cancel(record.key)))

    chapter.pour.on(cancel_at_the_door)
    await chapter.pour.films_of(4, 4)
    return await chapter.caught(CONTROL_SILENCE_S)


async def without_leases(run: Run) -> str:
    """A frozen renderer's work goes to another while it believes to have it still."""
    await nobody_extra(run)
    await run.stage.refit("leases", ["renderer"], RENDERER_NULL_STEP_SECONDS="1.5")
    run.stage.start("renderer-2")
    await run.stage.ready("renderer-2")
    chapter = run.chapter()
    rendering = asyncio.Event()
    chapter.pour.on(lambda r: rendering.set() if r.type == "shot.progressed.v1" else None)
    await chapter.pour.films_of(8, 8)
    await asyncio.wait_for(rendering.wait(), PATIENCE_S)
    await freeze(run, "renderer")
    history = await chapter.history()
    caught = await chapter.caught(CONTROL_SILENCE_S, *side_by_side(history))
    await nobody_extra(run)
    await run.stage.refit("", ["renderer"])
    return caught


async def without_trying_again(run: Run, away: Callable[[], None], back: Callable[[], None]) -> str:
    """Redis is away for a while under load, and what could not be handled then is let go."""
    await run.stage.refit("trying again")
    chapter = run.chapter()
    await chapter.pour.films_of(6, 6)
    await asyncio.sleep(1)
    away()
    await asyncio.sleep(6)
    back()
    caught = await chapter.caught(CONTROL_SILENCE_S)
    await run.stage.refit()
    return caught

"""One service as a process of the chaos stack: its own `main`, with a metered device, or with one guard taken away.

`python serve_one.py renderer` or `python serve_one.py planner --without "trying again"`.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from os import environ
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import doom
from guards import GUARDS, EverybodysLeases
from meter import MeteredEngine
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.service import parts_of, serve
from storyreel_chassis.work import Context
from storyreel_contracts.decisions import Task


def render(without: str) -> None:
    """The renderer, put together as its `main` does it."""
    from storyreel_renderer import app
    from storyreel_renderer.adapters.encoding import PyAvEncoder
    from storyreel_renderer.settings import Settings

    settings, clock = Settings(), SystemClock()
    shared = settings.shared
    parts = parts_of("renderer", shared)
    with ThreadPoolExecutor(settings.encoders, "encoder") as threads, app.pictures_of(settings, parts) as pictures:
        book = Path(environ["CHAOS_METER"])
        outside = app.Outside(
            engines={name: MeteredEngine(engine, book) for name, engine in app.engines_of(settings, clock).items()},
            store=parts.store,
            leases=EverybodysLeases() if without == "leases" else parts.leases,
            encoder=PyAvEncoder(threads),
            pictures=pictures,
        )
        room = app.build_room(settings, outside, clock)
        deaf = {"performer": _Deaf(room.performer)} if without == "asking who still waits" else {}
        serve(replace(room, **deaf), shared, parts)  # type: ignore[arg-type]


class _Deaf:
    """A performer that renders whatever has become of the film."""

    def __init__(self, inner: Any) -> None:
        self._takes = inner._takes

    async def perform(self, task: Task, context: Context) -> Any:
        """Render; hear of no end."""
        from storyreel_contracts.decisions import NewFact
        from storyreel_renderer.domain.decisions import RenderShot
        from storyreel_renderer.workflows.order import Order, Talk

        async def ended() -> bool:
            return False

        async def say(fact: NewFact) -> None:
            await context.say(fact)

        if isinstance(task.work, RenderShot):
            return await self._takes.bring(Order(work=task.work, talk=Talk(say=say, ended=ended)))
        return None


def main(service: str, without: str = "") -> None:
    """Serve until SIGTERM."""
    if without in GUARDS:
        GUARDS[without]()
    if "CHAOS_DIE_AT" in environ:
        doom.install(int(environ["CHAOS_DIE_AT"]), Path(environ["CHAOS_METER"]).with_name("deaths.txt"), service)
    if service == "renderer":
        render(without)
    else:
        import_module(f"storyreel_{service}.app").main()


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[2:])

"""Dead letters on a real broker: a bad release buries, an operator replays, and replaying again changes nothing."""

import asyncio
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from storyreel_client.cli.app import run
from storyreel_client.cli.session import Doors
from storyreel_client.kafka.reader import KafkaReader
from storyreel_contracts import encode
from storyreel_local.testing import KafkaPlace
from toy_service import DLQ, OUT, Setting, memory_folds, running, take

pytestmark = pytest.mark.connected
TOPIC = "renderer-shots"
LETTERS = int(os.environ.get("STORYREEL_LETTERS", "200"))
FILMS = 20


class Desk:
    """The `storyreel` command on a real broker, and what it leaves in the topics."""

    def __init__(self, kafka: KafkaPlace, folder: Path) -> None:
        self._kafka, self._folder, self.name = kafka, folder, uuid4().hex[:8]
        self.reader = KafkaReader(kafka.bootstrap_servers)

    def __call__(self, *argv: str) -> list[dict[str, Any]]:
        out, err = io.StringIO(), io.StringIO()
        environ = {"KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers, "STORYREEL_OPERATOR": "ada"}
        argv = ("dlq", *argv, "--json")
        code = run(argv, environ=environ, folder=self._folder, doors=Doors(), out=out, err=err)
        assert code == 0, out.getvalue()[-500:] + err.getvalue()
        return [json.loads(line) for line in out.getvalue().splitlines()]

    async def sent(self, name: str = "", *, new_ids: bool = False) -> int:
        """Write takes of a name; with new ids where the control wants them."""
        async with AIOKafkaProducer(bootstrap_servers=self._kafka.bootstrap_servers, acks="all") as producer:
            for number in range(LETTERS):
                headers, value = encode(take(name or self.name, number, FILMS))
                headers |= {"ce_id": f"{uuid4()}"} if new_ids else {}
                pairs = [(k, v.encode()) for k, v in headers.items()]
                await producer.send(TOPIC, value, key=headers["ce_subject"].encode(), headers=pairs)
            await producer.flush()
        return LETTERS

    async def matches(self) -> Counter[str]:
        """How often each take was answered."""
        records = await self.reader.read_all(OUT)
        return Counter(r.text("ce_causeid") for r in records if r.text("ce_subject").startswith(f"{self.name}-film-"))

    async def ids_of_matches(self) -> set[str]:
        """Distinct answers: a reader takes the same id once."""
        records = await self.reader.read_all(OUT)
        return {r.text("ce_id") for r in records if r.text("ce_subject").startswith(f"{self.name}-film-")}


@pytest.fixture
async def desk(real_kafka: KafkaPlace, tmp_path: Path) -> Desk:
    await real_kafka.create(TOPIC, OUT, partitions=6)
    await real_kafka.create(DLQ, "operator-audit", partitions=1)
    return Desk(real_kafka, tmp_path)


async def settled(lanes: Any, reader: KafkaReader) -> None:
    """Wait until the toy has done all that its topic holds."""
    total = len(await reader.read_all(TOPIC))
    async with asyncio.timeout(120):
        while sum(lane.offsets.mark or 0 for _, lane in lanes.items()) < total:
            await asyncio.sleep(0.1)


async def test_replaying_twice_changes_nothing_and_with_new_ids_it_would(desk: Desk, real_kafka: KafkaPlace) -> None:
    place: dict[str, Any] = {
        "servers": real_kafka.bootstrap_servers,
        "topic": TOPIC,
        "group": desk.name,
        "folds": memory_folds(),
    }
    await desk.sent()
    async with running(Setting(**place, broken=True, bound=None)) as lanes:
        await settled(lanes, desk.reader)
    assert await desk.matches() == {}
    mine = [r["id"] for r in await asyncio.to_thread(desk, "ls") if r["film_id"].startswith(desk.name)]
    assert len(mine) == LETTERS

    async with running(Setting(**place)) as lanes:
        await asyncio.to_thread(desk, "replay", "--reason", "internal", "--yes", "--rate", "100000", "--note", "mended")
        await settled(lanes, desk.reader)
        once = await desk.matches()
        assert (len(once), set(once.values())) == (LETTERS, {1})
        assert await asyncio.to_thread(desk, "ls", "--reason", "internal") == []

        await asyncio.to_thread(desk, "replay", *mine, "--rate", "100000")
        await settled(lanes, desk.reader)
        assert await desk.matches() == once, "the second replay changed nothing"
        history = (await asyncio.to_thread(desk, "show", mine[0]))[0]["history"]
        assert [h["by"] for h in history] == ["ada", "ada"]

        before = await desk.ids_of_matches()
        await desk.sent(new_ids=True)
        await settled(lanes, desk.reader)
        assert len(await desk.ids_of_matches() - before) == LETTERS, "the control: another id is another fact"

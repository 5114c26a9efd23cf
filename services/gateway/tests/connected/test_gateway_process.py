"""The gateway as it is deployed: one process on real Kafka, Redis and S3, met from outside, killed and started again."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from gateway_facts import Script
from gateway_fakes import KEYS, SECRET, TENANTS
from media_files import a_png, a_wide_png
from standardwebhooks import Webhook
from storyreel_contracts import Event, Tier, encode
from storyreel_contracts.ids import film_id
from storyreel_contracts.topics import CATALOGUE, SERVICES, topic_for
from storyreel_gateway.domain.tenants import Role
from storyreel_local.testing import KafkaPlace, S3Place

pytestmark = [pytest.mark.connected, pytest.mark.slow]
BRIEF = {"prompt": "A red sneaker.", "duration_s": 6, "title": "From outside"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A gateway that is started, killed and met over HTTP."""

    def __init__(self, kafka: KafkaPlace, redis: str, s3: S3Place, folder: Path) -> None:
        self.port, self._folder, self.kafka = free_port(), folder, kafka
        tenants = folder / "tenants.json"
        tenants.write_text(TENANTS.model_dump_json())
        self._env = s3.env() | {
            "PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "REDIS_URL": redis,
            "GATEWAY_TENANTS_FILE": str(tenants), "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port),
            "GATEWAY_SESSION_SECRET": "s", "OPS_HOST": "127.0.0.1", "OPS_PORT": str(free_port()),
        }  # fmt: skip
        self.child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            command = (sys.executable, "-m", "storyreel_gateway")
            self.child = await asyncio.create_subprocess_exec(*command, env=self._env, stdout=log, stderr=log)
        await until(self._ready, 40)

    async def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.child is not None
        self.child.send_signal(how)
        return await asyncio.wait_for(self.child.wait(), 40)

    async def _ready(self) -> bool:
        assert self.child is not None
        assert self.child.returncode is None, (self._folder / "log").read_text()[-3000:]
        try:
            async with httpx.AsyncClient() as client:
                ops = await client.get(f"http://127.0.0.1:{self._env['OPS_PORT']}/readyz")
                return ops.status_code == 200 and (await client.get(f"{self.url}/signin")).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, role: Role = Role.ADMIN) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {KEYS[role]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    async def film(self, film: str) -> dict[str, Any]:
        async with self.client() as client:
            answer = await client.get(f"/v1/films/{film}")
            return answer.json() if answer.status_code == 200 else {"status": str(answer.status_code)}

    async def submit(self, brief_id: str) -> str:
        """Publish a signed brief as a campaign system would."""
        value, now = json.dumps(BRIEF).encode(), datetime.now(UTC)
        headers = {
            "ce_specversion": "1.0", "ce_id": brief_id, "ce_type": "brief.submitted.v1", "ce_source": "/c",
            "ce_tenantid": "acme", "ce_time": now.isoformat(), "webhook-id": brief_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(brief_id, now, value.decode()),
        }  # fmt: skip
        await self.write("campaign-briefs", film_id("acme", brief_id), value, headers)
        return film_id("acme", brief_id)

    async def say(self, events: list[Event]) -> None:
        """Write facts as the other rooms would."""
        for event in events:
            headers, value = encode(event)
            owners = (s for s in SERVICES for t in CATALOGUE if t.owner == s and type(event.data) in t.facts)
            await self.write(topic_for(event.data, next(owners)), event.film_id, value, headers)

    async def write(self, topic: str, key: str, value: bytes, headers: dict[str, str]) -> None:
        pairs = [(k, v.encode()) for k, v in headers.items()]
        async with AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers) as producer:
            await producer.send_and_wait(topic, value, key=key.encode(), headers=pairs)

    async def read(self, topic: str, film: str, seconds: float = 2) -> list[dict[str, str]]:
        """Headers of a film's records in a topic, from the beginning."""
        servers, found = self.kafka.bootstrap_servers, []
        async with AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
            for records in (await consumer.getmany(timeout_ms=int(seconds * 1000))).values():
                found += [{k: v.decode() for k, v in r.headers} for r in records if r.key == film.encode()]
        return found


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


@pytest.fixture
async def gateway(real_kafka: KafkaPlace, real_redis: str, real_s3: S3Place, tmp_path: Path) -> AsyncIterator[Process]:
    for topic in CATALOGUE:
        await real_kafka.create(topic.name, partitions=topic.partitions)
    process = Process(real_kafka, real_redis, real_s3, tmp_path)
    await process.start()
    try:
        yield process
    finally:
        if process.child is not None and process.child.returncode is None:
            await process.stop(signal.SIGKILL)


async def test_a_signed_brief_from_kafka_is_followed_to_its_end_over_a_kill(gateway: Process) -> None:
    film = await gateway.submit(f"b-{uuid4()}")
    await until(lambda: _is(gateway, film, "screening"))
    script = Script(film).requested().planned().tier(Tier.PREVIEW).tier(Tier.FINAL, publish=True).published()
    half = len(script.events) // 2
    await gateway.say(script.events[1:half])
    await gateway.stop(signal.SIGKILL)
    await gateway.say(script.events[half:])
    await gateway.start()
    await until(lambda: _is(gateway, film, "published"), 40)
    await until(lambda: _all_read(gateway, film, len(script.events)), 20)  # topics are not read in step with each other
    view = await gateway.film(film)
    assert (view["price_micros"], view["title"], len(view["shots"])) == (180_000, "From outside", 3)
    async with gateway.client() as client:
        answer = await client.get(f"/v1/films/{film}/events", headers={"last-event-id": "0-0"})
    seen = [line.removeprefix("event: ") for line in answer.text.split("\n") if line.startswith("event: ")]
    assert set(seen) == {event.envelope.type for event in script.events}
    told = await gateway.read("film-updates", film)
    assert len({headers["ce_id"] for headers in told}) >= 4


async def test_an_upload_goes_through_the_real_store_and_its_rules(gateway: Process) -> None:
    async with gateway.client() as client:
        for data, status in ((a_png(), 200), (a_wide_png(), 422)):
            form = (
                await client.post("/v1/uploads", json={"filename": "a.png", "media_type": "image/png", "size": len(data)})
            ).json()
            async with httpx.AsyncClient() as outside:
                posted = await outside.post(form["url"], data=form["fields"], files={"file": ("a.png", data, "image/png")})
            assert posted.status_code in {200, 201, 204}, posted.text
            done = await client.post(form["complete"])
            assert done.status_code == status, done.text
            if status == 200:
                refs = [{"id": "a", "role": "logo", "artifact": done.json()["artifact"]}]
                assert (await client.post("/v1/films", json=BRIEF | {"references": refs})).status_code == 202


async def test_a_cancellation_is_written_once_and_the_loser_hears_the_truth(gateway: Process) -> None:
    async with gateway.client() as client:
        film = (await client.post("/v1/films", json=BRIEF, headers={"idempotency-key": uuid4().hex})).json()["film_id"]
        answers = await asyncio.gather(*(client.post(f"/v1/films/{film}/cancel", json={"reason": "x"}) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {202}
        await until(lambda: _is(gateway, film, "cancelled"))
    written = await gateway.read("gateway-films", film)
    ends = {headers["ce_id"] for headers in written if headers["ce_type"] == "film.cancelled.v1"}
    assert len(ends) == 1


async def test_it_drains_and_leaves_with_open_streams(gateway: Process) -> None:
    film = await gateway.submit(f"b-{uuid4()}")
    await until(lambda: _is(gateway, film, "screening"))
    async with gateway.client() as client, client.stream("GET", f"/v1/films/{film}/events") as stream:
        assert stream.status_code == 200
        assert await gateway.stop() == 0


async def _all_read(gateway: Process, film: str, facts: int) -> bool:
    view, progressed = await gateway.film(film), 6
    return len(view["facts"]) == facts - progressed and all(shot["safety"] == "cleared" for shot in view["shots"])


async def _is(gateway: Process, film: str, status: str) -> bool:
    return (await gateway.film(film))["status"] == status

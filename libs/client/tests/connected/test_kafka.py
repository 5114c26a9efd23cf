"""The same promises on a real broker: what is sent can be read, lag is counted, kcat and openssl get a brief through."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from storyreel_client.cli.app import run
from storyreel_client.cli.session import Doors
from storyreel_client.dead_letters import Choice
from storyreel_client.desk import DeadLetterDesk, Order
from storyreel_client.errors import UnreachableError
from storyreel_client.kafka.offsets import KafkaOffsets
from storyreel_client.kafka.reader import KafkaReader
from storyreel_client.kafka.sender import KafkaSender
from storyreel_client.lag import measure
from storyreel_client.pace import Pace
from storyreel_client.publishing import BriefPublisher
from storyreel_contracts import Brief
from storyreel_contracts.partitioning import partition_of
from storyreel_local.testing import unavailable

pytestmark = pytest.mark.connected
ROOT = Path(__file__).parents[4]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_a_brief_lands_in_the_partition_of_its_film(real_kafka: Any) -> None:
    await real_kafka.create("campaign-briefs", partitions=6)
    async with KafkaSender(real_kafka.bootstrap_servers) as sender:
        receipt = await BriefPublisher(sender, tenant="acme", secret=SECRET).publish(Brief(prompt="x", duration_s=6))
    assert receipt.partition == partition_of(receipt.film_id, 6)
    records = await KafkaReader(real_kafka.bootstrap_servers).read_all("campaign-briefs")
    (record,) = [r for r in records if r.key == receipt.film_id.encode()]
    Webhook(SECRET).verify((record.value or b"").decode(), {k: v.decode() for k, v in record.headers})


async def test_reading_a_topic_that_is_not_there_or_empty_is_an_empty_list(real_kafka: Any) -> None:
    reader = KafkaReader(real_kafka.bootstrap_servers)
    assert await reader.read_all("no-such-topic") == []
    assert await reader.read_all(await real_kafka.new_topic("empty", partitions=3)) == []


async def test_a_dead_letter_goes_back_byte_for_byte_and_is_on_record(real_kafka: Any) -> None:
    await real_kafka.create("assembler-dlq", "planner-films", "operator-audit", partitions=1)
    reader = KafkaReader(real_kafka.bootstrap_servers)
    own = [("ce_id", b"e1"), ("twice", b"1"), ("twice", b"\xff")]
    stamps = [("x-origin-topic", b"planner-films"), ("x-origin-headers", b"3"), ("x-dlq-reason", b"internal")]
    async with KafkaSender(real_kafka.bootstrap_servers) as sender:
        await sender.send("assembler-dlq", b"film", b"\x00\xff", [*own, *stamps])
        desk, chosen = DeadLetterDesk(reader), Choice(services=["assembler"])
        letters = await desk.find(chosen)
        order = Order(action="replay", letters=letters, by="test", pace=Pace(1000))
        await desk.check(order)
        assert [d.id async for d in desk.carry_out(order, sender)] == [d.id for d in letters]
        assert await desk.find(chosen) == []
    (sent,) = await reader.read_all("planner-films")
    assert (sent.key, sent.value, sent.headers) == (b"film", b"\x00\xff", own)
    assert (await desk.letter(letters[0].id)).history[0].by == "test"


async def test_a_slow_operator_does_not_run_out_of_time_while_reading(real_kafka: Any) -> None:
    topic = await real_kafka.new_topic("slow")
    async with KafkaSender(real_kafka.bootstrap_servers) as sender:
        for n in range(5):
            await sender.send(topic, b"k", bytes([n]), [])
    values = []
    async for record in KafkaReader(real_kafka.bootstrap_servers).scan(topic):
        values.append(record.value)
        await asyncio.sleep(2.5)  # longer together than the reader waits for a silent broker
    assert values == [bytes([n]) for n in range(5)]


async def test_lag_is_what_a_group_has_not_committed(real_kafka: Any) -> None:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    await real_kafka.create("continuity-timers", partitions=1)
    async with KafkaSender(real_kafka.bootstrap_servers) as sender:
        for _ in range(3):
            await sender.send("continuity-timers", b"film", b"{}", [])
    consumer = AIOKafkaConsumer(bootstrap_servers=real_kafka.bootstrap_servers, group_id="continuity", enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition("continuity-timers", 0)
    consumer.assign([place])
    await consumer.commit({place: 1})
    await consumer.stop()
    rows = await measure(KafkaOffsets(real_kafka.bootstrap_servers), ["continuity"])
    (row,) = [r for r in rows if r.topic == "continuity-timers"]
    assert (row.committed, row.end, row.lag) == (1, 3, 2)


async def test_a_broker_that_is_not_there_is_said_in_words() -> None:
    nobody = "127.0.0.1:9"
    with pytest.raises(UnreachableError, match="did not answer"):
        async with KafkaSender(nobody):
            pytest.fail("there is no broker")
    with pytest.raises(UnreachableError):
        await KafkaReader(nobody).read_all("x")
    with pytest.raises(UnreachableError):
        await KafkaOffsets(nobody).committed("x")


async def test_a_brief_sent_with_kcat_and_openssl_is_signed_like_ours(real_kafka: Any, tmp_path: Path) -> None:
    for tool in ("kcat", "openssl"):
        if shutil.which(tool) is None:
            unavailable(tool, f"there is no {tool} command")
    await real_kafka.create("campaign-briefs", partitions=6)
    stack = {
        "kafka": {"bootstrap_servers": real_kafka.bootstrap_servers},
        "tenant": {"id": "acme", "signing_secret": SECRET},
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    script = ROOT / "examples" / "kcat" / "send-brief.sh"
    env = {"STORYREEL_STACK": str(tmp_path / "stack.json"), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    sent = await asyncio.to_thread(subprocess.run, [script], env=env, capture_output=True, text=True, check=True)
    film_id = sent.stdout.strip()
    records = await KafkaReader(real_kafka.bootstrap_servers).read_all("campaign-briefs")
    (record,) = [r for r in records if r.key == film_id.encode()]
    assert record.partition == partition_of(film_id, 6)
    Webhook(SECRET).verify((record.value or b"").decode(), {k: v.decode() for k, v in record.headers})
    Brief.model_validate_json(record.value or b"")


def test_the_command_itself_runs_against_a_real_broker(real_kafka: Any, tmp_path: Path, capsys: Any) -> None:
    import io

    (tmp_path / "b.json").write_text(json.dumps({"prompt": "x", "duration_s": 6}))
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": real_kafka.bootstrap_servers,
        "STORYREEL_TENANT": "acme",
        "STORYREEL_SIGNING_SECRET": SECRET,
    }
    out = io.StringIO()
    argv = ["submit", str(tmp_path / "b.json"), "--json"]
    assert run(argv, environ=environ, folder=tmp_path, doors=Doors(), out=out, err=io.StringIO()) == 0
    assert json.loads(out.getvalue())["film_id"]
    assert run(["lag", "--json"], environ=environ, folder=tmp_path, doors=Doors(), out=out, err=io.StringIO()) == 0

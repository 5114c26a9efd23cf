"""`dlq`: letters are found, shown, given back as they came, dropped; and who did what is on record."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.text import Text
from storyreel_client.dead_letters import Choice
from storyreel_client.desk import DeadLetterDesk, Order
from storyreel_client.pace import Pace
from storyreel_client.records import StoredRecord
from storyreel_client.testing import MemoryBroker
from storyreel_contracts import LetterHandled, decode

OWN = [
    ("ce_id", b"e1"), ("ce_type", b"shot.requested.v1"), ("ce_subject", b"film-1"), ("ce_tenantid", b"acme"),
    ("twice", b"1"), ("twice", b"\xff"), ("x-dlq-reason", b"forged"),
]  # fmt: skip
BODY = b'{"not": "\xff utf-8"}'
ID, ORIGIN, AUDIT = "renderer-dlq/0/0", "planner-shots-final", "operator-audit"


def stamps(own: list[tuple[str, bytes]], **changes: str) -> list[tuple[str, bytes]]:
    fixed = {
        "x-origin-topic": ORIGIN, "x-origin-partition": "3", "x-origin-offset": "41", "x-origin-headers": str(len(own)),
        "x-dlq-reason": "timeout", "x-dlq-error": "slow", "x-dlq-attempts": "4", "x-dlq-at": "2026-11-21T16:00:00+00:00",
    }  # fmt: skip
    return [(k, v.encode()) for k, v in (fixed | {k.replace("_", "-"): v for k, v in changes.items()}).items()]


def bury(broker: MemoryBroker, service: str = "renderer", film: str = "film-1", **changes: str) -> None:
    own = [(k, film.encode() if k == "ce_subject" else v) for k, v in OWN]
    topic = broker.topics[f"{service}-dlq"]
    place: dict[str, Any] = {"topic": f"{service}-dlq", "partition": 0, "offset": len(topic), "timestamp_ms": 1_795_280_000_000}
    topic.append(StoredRecord(**place, key=film.encode(), value=BODY, headers=[*own, *stamps(own, **changes)], size=len(BODY)))


@pytest.fixture
def dead(storyreel: Any) -> MemoryBroker:
    """A broker with one dead letter of the renderer."""
    broker: MemoryBroker = storyreel.broker
    bury(broker)
    return broker


@pytest.fixture
def many(storyreel: Any) -> MemoryBroker:
    """Two films, two reasons, two services."""
    broker: MemoryBroker = storyreel.broker
    bury(broker)
    bury(broker, film="film-2", x_dlq_reason="internal")
    bury(broker, "assembler", x_origin_topic="planner-films", x_dlq_reason="internal")
    return broker


def entries(broker: MemoryBroker) -> list[LetterHandled]:
    return [decode(r.headers, r.value or b"").data for r in broker.topics[AUDIT]]  # type: ignore[misc]


def ids(answer: Any) -> list[str]:
    return [r["id"] for r in answer.rows]


def test_ls_tells_why_a_record_died_and_where_it_came_from(storyreel: Any, dead: MemoryBroker) -> None:
    (row,) = storyreel("dlq", "ls", "--json").rows
    assert (row["id"], row["reason"], row["error"], row["attempts"]) == (ID, "timeout", "slow", 4)
    assert (row["film_id"], row["origin"], row["state"]) == ("film-1", "planner-shots-final/3/41", "waiting")


def test_ls_keeps_what_is_asked_for(storyreel: Any, many: MemoryBroker) -> None:
    first, second, third = "renderer-dlq/0/0", "renderer-dlq/0/1", "assembler-dlq/0/0"
    assert ids(storyreel("dlq", "ls", "--all", "--json")) == [first, second, third]
    assert ids(storyreel("dlq", "ls", "renderer", "--json")) == [first, second]
    assert ids(storyreel("dlq", "ls", "--reason", "internal", "--json")) == [second, third]
    assert ids(storyreel("dlq", "ls", "--film", "film-1", "--json")) == [first, third]


@pytest.mark.parametrize(("since", "count"), [("30m", 1), ("2h", 2), ("1d", 3), ("2026-11-21T17:00:00Z", 2), ("2026-11-21", 3)])
def test_ls_since_keeps_what_died_later(storyreel: Any, many: MemoryBroker, since: str, count: int) -> None:
    for record, hours in zip([*many.topics["renderer-dlq"], *many.topics["assembler-dlq"]], (0.1, 0.9, 5), strict=True):
        object.__setattr__(record, "timestamp_ms", (storyreel.now - timedelta(hours=hours)).timestamp() * 1000)
    assert len(ids(storyreel("dlq", "ls", "--since", since, "--json"))) == count


@pytest.mark.parametrize(
    "argv", [["--since", "soon"], ["--since", "h"], ["--since", "9" * 30 + "d"], ["nobody"], ["renderer", "--all"]]
)
def test_what_makes_no_sense_is_a_usage_error(storyreel: Any, argv: list[str]) -> None:
    assert storyreel("dlq", "ls", *argv).code == 2


def test_replay_writes_the_record_as_it_was_to_where_it_came_from(storyreel: Any, dead: MemoryBroker) -> None:
    assert storyreel("dlq", "replay", ID).code == 0
    (sent,) = dead.topics[ORIGIN]
    assert (sent.key, sent.value) == (b"film-1", BODY)
    assert sent.headers == OWN, "doubles and forged names too; no stamp of ours"
    assert {t for t, records in dead.topics.items() if records} == {"renderer-dlq", ORIGIN, AUDIT}


def test_what_was_done_is_on_record_and_hides_the_letter(storyreel: Any, dead: MemoryBroker) -> None:
    storyreel.environ["STORYREEL_OPERATOR"] = "ada"
    assert storyreel("dlq", "replay", ID, "--note", "mended").code == 0
    (entry,) = entries(dead)
    assert (entry.letter_id, entry.action, entry.by, entry.note, entry.nth) == (ID, "replay", "ada", "mended", 1)
    assert (entry.reason, entry.record_id, entry.origin) == ("timeout", "e1", "planner-shots-final/3/41")
    assert dead.topics[AUDIT][0].key == ID.encode()
    assert storyreel("dlq", "ls", "--json").rows == []
    (row,) = storyreel("dlq", "ls", "--all-states", "--json").rows
    assert row["state"] == "replayed"


def test_the_record_is_what_hides_a_letter(storyreel: Any, dead: MemoryBroker) -> None:
    storyreel("dlq", "drop", ID)
    assert storyreel("dlq", "ls", "--json").rows == []
    dead.topics[AUDIT].clear()
    assert len(storyreel("dlq", "ls", "--json").rows) == 1


def test_drop_sends_nothing_but_its_entry(storyreel: Any, dead: MemoryBroker) -> None:
    assert storyreel("dlq", "drop", ID).code == 0
    assert {t for t, records in dead.topics.items() if records} == {"renderer-dlq", AUDIT}
    assert "no dead letters" in storyreel("dlq", "ls").out


def test_by_id_a_letter_is_replayed_again_and_counted(storyreel: Any, dead: MemoryBroker) -> None:
    storyreel("dlq", "replay", ID)
    (row,) = storyreel("dlq", "replay", ID, "--json").rows
    assert row["before"] == "replayed"
    assert [e.nth for e in entries(dead)] == [1, 2]


def test_by_property_only_what_waits_is_replayed(storyreel: Any, many: MemoryBroker) -> None:
    assert storyreel("dlq", "drop", ID).code == 0
    assert storyreel("dlq", "replay", "--film", "film-1", "--yes").code == 0
    assert not many.topics[ORIGIN]
    assert len(many.topics["planner-films"]) == 1
    assert [e.run_letters for e in entries(many)] == [1, 1]
    assert storyreel("dlq", "replay", "--service", "renderer", "--service", "assembler", "--yes").code == 0
    assert len(many.topics[ORIGIN]) == 1


@pytest.mark.parametrize("action", ["replay", "drop"])
def test_a_dry_run_says_and_does_nothing(storyreel: Any, dead: MemoryBroker, action: str) -> None:
    answer = storyreel("dlq", action, "--reason", "timeout", "--dry-run")
    assert f"would {action}" in answer.out
    assert {t: len(r) for t, r in dead.topics.items() if r} == {"renderer-dlq": 1}


@pytest.mark.parametrize("argv", [[], [ID, "--film", "film-1"], ["--note", "all of them"]])
def test_nothing_is_dealt_with_that_was_not_chosen_one_way(storyreel: Any, dead: MemoryBroker, argv: list[str]) -> None:
    assert storyreel("dlq", "drop", *argv).code == 2
    assert not dead.topics[AUDIT]


def test_many_are_dealt_with_after_a_yes_only(storyreel: Any, many: MemoryBroker) -> None:
    answer = storyreel("dlq", "drop", "--reason", "internal")
    assert (answer.code, "--yes" in answer.err) == (2, True), "nobody can be asked in a pipe"
    storyreel.terminal, storyreel.says_yes = True, False
    assert storyreel("dlq", "drop", "--reason", "internal").code == 2
    assert storyreel.asked == ["Drop 2 dead letters (2 internal)?"]
    assert not many.topics[AUDIT]
    storyreel.says_yes = True
    assert storyreel("dlq", "drop", "--reason", "internal").code == 0
    assert len(entries(many)) == 2


def test_nothing_is_replayed_when_one_of_the_ids_is_wrong(storyreel: Any, dead: MemoryBroker) -> None:
    assert storyreel("dlq", "replay", ID, "renderer-dlq/0/99").code == 4
    assert not dead.topics[ORIGIN]
    assert not dead.topics[AUDIT]


@pytest.mark.parametrize("origin", ["film-updates", "renderer-dlq", "renderer-retry-10s", "", "planner-films\x00"])
def test_nothing_is_replayed_to_a_topic_that_the_service_does_not_read(storyreel: Any, origin: str) -> None:
    bury(storyreel.broker)
    bury(storyreel.broker, x_origin_topic=origin)
    answer = storyreel("dlq", "replay", ID, "renderer-dlq/0/1")
    assert (answer.code, "cannot be replayed" in answer.err) == (2, True)
    assert {t for t, records in storyreel.broker.topics.items() if records} == {"renderer-dlq"}


def test_a_record_whose_bytes_lie_elsewhere_can_be_dropped_and_not_replayed(storyreel: Any) -> None:
    bury(storyreel.broker, x_dlq_body_size="10000000")
    answer = storyreel("dlq", "replay", ID)
    assert (answer.code, "10,000,000 bytes" in answer.err) == (2, True)
    assert storyreel("dlq", "drop", ID).code == 0


def test_without_a_topic_for_the_audit_nothing_is_done(storyreel: Any, dead: MemoryBroker) -> None:
    dead.missing.add(AUDIT)
    answer = storyreel("dlq", "replay", ID)
    assert (answer.code, "storyreel_chassis.setup" in answer.err) == (3, True)
    assert not dead.topics[ORIGIN]


@pytest.mark.parametrize("bad", ["nonsense", "nobody-dlq/0/1", "renderer-dlq/0", "renderer-dlq/0/x"])
def test_an_id_of_the_wrong_form_is_a_usage_error(storyreel: Any, bad: str) -> None:
    answer = storyreel("dlq", "show", bad)
    assert answer.code == 2
    assert "renderer-dlq/0/17" in answer.err


def test_show_prints_headers_bytes_and_what_was_done(storyreel: Any, dead: MemoryBroker) -> None:
    storyreel("dlq", "drop", ID, "--note", "a test")
    (row,) = storyreel("dlq", "show", ID, "--json").rows
    assert row["headers"]["ce_id"] == "e1"
    assert base64.b64decode(row["body_base64"]) == BODY
    assert [(h["action"], h["note"]) for h in row["history"]] == [("drop", "a test")]
    assert "a test" in storyreel("dlq", "show", ID).out


def test_a_hostile_record_does_not_command_the_terminal(storyreel: Any) -> None:
    bury(storyreel.broker, film="\x1b[2J\u202e", x_dlq_error="\x1b]0;title\x07\ta\nb")
    for terminal in (False, True):
        storyreel.terminal = terminal
        storyreel.environ["NO_COLOR"] = "1"
        for argv in (["ls"], ["show", ID]):
            out = storyreel("dlq", *argv).out
            assert "\x1b]" not in out
            assert "\x1b[2J" not in out
            assert "\u202e" not in out


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_terminal_gets_one_line_a_letter_and_the_id_whole(storyreel: Any, many: MemoryBroker, columns: str) -> None:
    storyreel.terminal, storyreel.environ = True, {"COLUMNS": columns, "NO_COLOR": "1"}
    lines = [Text.from_ansi(line).plain.rstrip() for line in storyreel("dlq", "ls").out.splitlines()]
    assert len(lines) == 4
    assert all(len(line) <= int(columns) for line in lines)
    assert lines[3].startswith("assembler-dlq/0/0")
    assert "internal" in lines[2]


def test_a_terminal_gets_a_bar_and_no_line_a_letter(storyreel: Any, many: MemoryBroker) -> None:
    storyreel.terminal, storyreel.environ = True, {"COLUMNS": "80", "NO_COLOR": "1"}
    answer = storyreel("dlq", "drop", "--reason", "internal", "--yes")
    assert "2/2" in answer.out
    assert "renderer-dlq/0/1: drop" not in answer.out
    assert "2 dead letters (2 internal) dropped" in answer.err


async def test_letters_leave_at_the_pace_that_was_asked_for(storyreel: Any, many: MemoryBroker) -> None:
    passed = [100.0]

    async def sleep(seconds: float) -> None:
        passed[0] += seconds

    desk = DeadLetterDesk(many, now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    letters = await desk.find(Choice())
    pace = Pace(2, clock=lambda: passed[0], sleep=sleep)
    order = Order(action="drop", letters=letters, by="ada", pace=pace)
    left = [passed[0] async for _ in desk.carry_out(order, many)]
    assert left == [100.0, 100.5, 101.0]
    passed[0] += 60
    await pace.turn()
    await pace.turn()
    assert passed[0] == 161.5, "a pause is not caught up with"

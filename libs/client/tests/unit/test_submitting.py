"""A brief goes out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from storyreel_client.publishing import BriefPublisher
from storyreel_client.testing import MemoryBroker
from storyreel_contracts import Brief, BriefSubmitted, decode, ids

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = Path(__file__).parents[4] / "examples" / "briefs" / "sneaker-launch"
BriefFile = Callable[..., Path]
PHOTO = {"id": "product", "role": "product", "file": "photo.png"}


async def test_a_published_brief_is_signed_over_its_very_bytes_and_keyed_with_its_film() -> None:
    broker, now = MemoryBroker(), datetime.now(UTC)
    publisher = BriefPublisher(broker, tenant="acme", secret=SECRET, clock=lambda: now)
    receipt = await publisher.publish(Brief(prompt="Zoë läuft 🏃", duration_s=6), "brief-1")
    (record,) = broker.topics["campaign-briefs"]
    assert record.value is not None
    Webhook(SECRET).verify(record.value.decode(), {k: v.decode() for k, v in record.headers})
    assert record.key == receipt.film_id.encode() == ids.film_id("acme", "brief-1").encode()
    event = decode(record.headers, record.value)
    assert isinstance(event.data, BriefSubmitted)
    assert (event.event_id, event.envelope.tenant_id) == ("brief-1", "acme")


async def test_a_changed_byte_breaks_the_signature() -> None:
    broker = MemoryBroker()
    await BriefPublisher(broker, tenant="acme", secret=SECRET).publish(Brief(prompt="x", duration_s=6))
    (record,) = broker.topics["campaign-briefs"]
    headers = {k: v.decode() for k, v in record.headers}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify((record.value or b"").decode().replace("x", "y", 1), headers)


async def test_the_same_brief_id_is_the_same_film_and_another_tenants_is_not() -> None:
    brief, broker = Brief(prompt="x", duration_s=6), MemoryBroker()
    acme = BriefPublisher(broker, tenant="acme", secret=SECRET)
    other = BriefPublisher(broker, tenant="other", secret=SECRET)
    first, again = await acme.publish(brief, "b"), await acme.publish(brief, "b")
    assert first.film_id == again.film_id
    assert (await other.publish(brief, "b")).film_id != first.film_id


def test_submit_goes_by_kafka_unless_told_otherwise(storyreel: Any, brief_file: BriefFile) -> None:
    answer = storyreel("submit", brief_file(), "--id", "b1", "--json")
    assert answer.code == 0
    assert answer.rows[0]["film_id"] == ids.film_id("acme", "b1")
    assert len(storyreel.broker.topics["campaign-briefs"]) == 1
    assert not storyreel.gateway.asked


def test_submit_by_http_sends_the_brief_id_as_idempotency_key(storyreel: Any, brief_file: BriefFile) -> None:
    answer = storyreel("submit", brief_file(), "--via", "http", "--id", "b1", "--json")
    assert answer.rows[0]["film_id"] == "film-of-b1"
    assert storyreel.gateway.asked[0].headers["idempotency-key"] == "b1"
    assert not storyreel.broker.topics


def test_local_files_are_uploaded_and_named_as_artifacts(storyreel: Any, brief_file: BriefFile, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    assert storyreel("submit", brief_file(references=[PHOTO])).code == 0
    (record,) = storyreel.broker.topics["campaign-briefs"]
    reference = json.loads(record.value)["references"][0]
    assert reference["artifact"]["uri"].startswith("s3://")
    assert "file" not in reference
    upload = next(r for r in storyreel.gateway.asked if r.url.host == "store")
    assert "authorization" not in upload.headers, "our key must not go to the store"


def test_a_file_that_the_gateway_refuses_is_named_by_its_place_in_the_brief(
    storyreel: Any, brief_file: BriefFile, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(b"text")
    problem = {"field": "file", "reason": "is no picture", "remedy": "upload a PNG"}
    storyreel.gateway.answers = [(422, {"detail": "file: is no picture", "problems": [problem]})]
    (row,) = storyreel("submit", brief_file(references=[PHOTO]), "--json").rows
    assert (row["exit_code"], row["problems"][0]["field"]) == (2, "references[0].file")
    assert not storyreel.broker.topics


def test_upload_prints_the_complete_brief(storyreel: Any, brief_file: BriefFile, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    answer = storyreel("upload", brief_file(references=[PHOTO]))
    assert Brief.model_validate_json(answer.out).references[0].id == "product"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration_s": 1800}, "duration_s"),
        ({"prompt": "x" * 100_000}, "prompt"),
        ({"budget": {"amount": "0"}}, "budget.amount"),
        ({"references": [PHOTO]}, "references[0].file"),
        ({"storyboard": [{"start_s": -1, "end_s": 6, "prompt": "x"}]}, "storyboard[0].start_s"),
    ],
)
def test_a_bad_brief_names_the_field_and_nothing_is_sent(
    storyreel: Any, brief_file: BriefFile, changes: dict[str, Any], field: str
) -> None:
    answer = storyreel("submit", brief_file(**changes), "--json")
    assert answer.code == 2
    assert field in [p["field"] for p in answer.rows[0]["problems"]]
    assert not storyreel.broker.topics
    assert not storyreel.gateway.asked


def test_a_brief_that_is_not_json_is_refused_in_words(storyreel: Any, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{")
    answer = storyreel("submit", tmp_path / "b.json")
    assert answer.code == 2
    assert "is not JSON" in answer.err
    assert "Traceback" not in answer.err


def test_a_missing_brief_is_refused_in_words(storyreel: Any, tmp_path: Path) -> None:
    answer = storyreel("submit", tmp_path / "nothing")
    assert (answer.code, answer.out) == (2, "")
    assert "cannot be read" in answer.err


def test_a_dry_run_goes_to_the_gateway_and_publishes_nothing(storyreel: Any, brief_file: BriefFile) -> None:
    answer = storyreel("submit", brief_file(), "--dry-run")
    assert answer.code == 0
    assert "$1.50" in answer.out
    assert storyreel.gateway.asked[0].url.params["dry_run"] == "true"
    assert not storyreel.broker.topics


def test_a_wrong_secret_is_said_before_anything_is_sent(storyreel: Any, brief_file: BriefFile) -> None:
    storyreel.environ["STORYREEL_SIGNING_SECRET"] = "whsec_!"
    answer = storyreel("submit", brief_file())
    assert answer.code == 2
    assert "whsec_" in answer.err
    assert not storyreel.broker.topics


def test_a_broker_that_is_away_is_exit_code_3(storyreel: Any, brief_file: BriefFile) -> None:
    storyreel.broker.down = True
    assert storyreel("submit", brief_file()).code == 3


def test_the_example_brief_keeps_the_contract() -> None:
    from storyreel_client.briefs import load

    brief = load(EXAMPLE).check()
    assert [f.end_s - f.start_s for f in brief.storyboard] == [3.0] * 5
    assert brief.aspects == ["16:9", "9:16"]


def test_the_time_of_the_signature_is_the_time_of_the_event() -> None:
    from storyreel_client.signing import signed_headers

    at = datetime(2026, 11, 21, 12, tzinfo=UTC) + timedelta(milliseconds=700)
    headers = dict(signed_headers(b"{}", brief_id="b", tenant="t", secret=SECRET, now=at))
    assert headers["webhook-timestamp"].decode() == str(int(at.timestamp()))

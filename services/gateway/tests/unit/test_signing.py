"""Signatures of briefs: what passes, what does not, and that the check is what stands in the way."""

from datetime import datetime, timedelta

import pytest
from gateway_facts import START
from gateway_fakes import SECRET, TENANTS
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from storyreel_gateway.domain.signing import signature_problem
from storyreel_gateway.domain.tenants import Tenant

BODY = b'{"prompt": "a shoe"}'
ACME = TENANTS.tenants[0]


def signed(body: bytes = BODY, event_id: str = "brief-1", at: datetime = START, secret: str = SECRET) -> dict[str, str]:
    signature = Webhook(secret).sign(event_id, at, body.decode())
    return {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def field(headers: dict[str, str], body: bytes = BODY, tenant: Tenant = ACME, now: datetime = START) -> str:
    problem = signature_problem(headers, body, "brief-1", tenant, now)
    return problem.field if problem else ""


def test_a_brief_signed_with_the_tenants_secret_passes() -> None:
    assert field(signed()) == ""


def test_a_log_read_an_hour_late_still_passes_and_a_day_and_a_second_late_does_not() -> None:
    assert field(signed(), now=START + timedelta(hours=1)) == ""
    assert field(signed(), now=START + timedelta(seconds=86_401)) == "webhook-timestamp"


def test_a_tenants_own_tolerance_counts() -> None:
    strict = ACME.model_copy(update={"tolerance_s": 60})
    assert field(signed(), tenant=strict, now=START + timedelta(seconds=61)) == "webhook-timestamp"


def test_either_of_two_secrets_passes_while_rotating() -> None:
    both = ACME.model_copy(update={"signing_secrets": ["whsec_b2xkb2xkb2xkb2xk", SECRET]})
    assert field(signed(), tenant=both) == ""


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,zzz v1,AAAA {headers['webhook-signature']}"
    assert field(headers) == ""


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    assert field({k: v for k, v in signed().items() if k != name}) == name


def test_the_webhook_id_must_be_the_events_id() -> None:
    assert field(signed(event_id="brief-2")) == "webhook-id"


@pytest.mark.parametrize("stamp", ["soon", "-1", "1e9", "99999999999999999999", "１２"])
def test_a_timestamp_must_be_a_whole_number_of_seconds(stamp: str) -> None:
    assert field(signed() | {"webhook-timestamp": stamp}) == "webhook-timestamp"


def test_a_tenant_without_secrets_can_sign_nothing() -> None:
    assert field(signed(), tenant=TENANTS.tenants[1]) == "webhook-signature"


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_body_is_noticed(where: int, by: int) -> None:
    changed = bytearray(BODY)
    changed[where] ^= by
    assert field(signed(), bytes(changed)) == "webhook-signature"


def test_control_without_the_comparison_a_forged_signature_would_pass() -> None:
    """The same headers with a wrong signature differ from good ones in nothing but the signature."""
    forged = signed(secret="whsec_b2xkb2xkb2xkb2xk")
    assert field(forged) == "webhook-signature"
    assert field(forged | {"webhook-signature": signed()["webhook-signature"]}) == ""

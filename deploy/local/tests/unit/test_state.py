"""The state folder: generated once, kept, and never readable by others."""

import base64
import json
from pathlib import Path

import pytest
from storyreel_local.errors import TroubleError
from storyreel_local.ports import is_free
from storyreel_local.state import StateFolder


def test_secrets_are_random_and_made_once_per_folder(tmp_path: Path) -> None:
    one, other = StateFolder(tmp_path / "a"), StateFolder(tmp_path / "b")
    assert one.secrets() == StateFolder(tmp_path / "a").secrets()
    assert one.secrets()["tenant"]["api_key"] != other.secrets()["tenant"]["api_key"]


def test_the_signing_secret_is_a_standard_webhooks_secret(tmp_path: Path) -> None:
    secret = StateFolder(tmp_path).secrets()["tenant"]["signing_secret"]
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_the_tenants_file_holds_the_api_key_only_as_a_hash(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    text = state.write_tenants().read_text()
    tenant = json.loads(text)["tenants"][0]
    assert state.secrets()["tenant"]["api_key"] not in text
    assert len(tenant["api_keys"][0]["sha256"]) == 64
    assert tenant["id"] == state.secrets()["tenant"]["id"]


def test_a_tenant_added_by_hand_is_kept(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.write("tenants.json", {"tenants": [{"id": "mine"}]})
    assert json.loads(state.write_tenants().read_text()) == {"tenants": [{"id": "mine"}]}


def test_files_with_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.secrets()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert (tmp_path / "state" / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_port_is_free_when_chosen_and_stays_the_same(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    port = state.port("kafka")
    assert is_free(port)
    assert StateFolder(tmp_path).port("kafka") == port
    assert state.port("redis") != port


def test_a_second_command_on_the_same_folder_is_refused_while_the_first_works(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with state.locked(), pytest.raises(TroubleError, match="Another command is working"), StateFolder(tmp_path).locked():
        pass
    with state.locked():  # and is free again afterwards
        assert True


def test_a_file_that_is_not_json_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    with pytest.raises(TroubleError, match=r"ports\.json is not JSON.*Delete that file"):
        StateFolder(tmp_path).port("kafka")


def test_a_folder_that_cannot_be_made_is_said_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TroubleError, match="--state DIR"):
        StateFolder(tmp_path / "file" / "state")

"""LoRAs, without weights: which a folder has, what version that makes, and that jobs of unlike ones never share a pass."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import CARD, FLAT, Bench, Costs, request
from storyreel_engine.card import CARD_FILE, load_card, lora_paths, weights_version, write_card
from storyreel_engine.costs import StepCosts
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.loader import find_card
from storyreel_engine.ports import look
from storyreel_engine.stamp import main, stamp

LOOKS = replace(CARD, loras=["ink", "oil"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with two LoRAs, a file and a folder, and a card that fits them."""
    (tmp_path / "weights").write_bytes(b"weights")
    (tmp_path / "loras" / "oil").mkdir(parents=True)
    (tmp_path / "loras" / "oil" / "any.safetensors").write_bytes(b"oil")
    (tmp_path / "loras" / "ink-1.0.safetensors").write_bytes(b"ink")
    (tmp_path / "loras" / "README.md").write_text("where they are from")
    write_card(tmp_path, replace(CARD, version=weights_version(tmp_path)))
    return tmp_path


def test_a_folders_loras_are_its_files_of_safetensors_and_its_folders_by_name(folder: Path) -> None:
    assert list(lora_paths(folder)) == ["ink-1.0", "oil"]
    assert load_card(folder).loras == ["ink-1.0", "oil"]
    assert find_card(folder, folder / CARD_FILE).loras == ["ink-1.0", "oil"]


@pytest.mark.parametrize("name", ["my ink", "ink|2", "x" * 65])
def test_a_name_that_no_request_can_ask_for_is_refused(folder: Path, name: str) -> None:
    (folder / "loras" / f"{name}.safetensors").touch()
    with pytest.raises(ValueError, match="rename it"):
        lora_paths(folder)


def test_two_loras_of_one_name_are_refused(folder: Path) -> None:
    (folder / "loras" / "oil.safetensors").touch()
    with pytest.raises(ValueError, match="two LoRAs of this name"):
        load_card(folder)


def test_the_version_of_a_folder_without_loras_is_what_it_was_and_each_lora_makes_it_another(folder: Path) -> None:
    bare, _, looks = weights_version(folder).partition("-lora-")
    (folder / "loras" / "ink-1.0.safetensors").write_bytes(b"other ink")
    assert weights_version(folder).startswith(f"{bare}-lora-")
    assert weights_version(folder) != f"{bare}-lora-{looks}"
    for path in lora_paths(folder).values():
        path.rename(folder / path.name)
    assert "-lora-" not in weights_version(folder)


@pytest.mark.parametrize("change", ["replaced", "added", "taken away", "changed inside"])
def test_a_card_of_other_loras_than_the_folders_is_refused_until_it_is_stamped(folder: Path, change: str) -> None:
    ink, oil = (lora_paths(folder)[name] for name in ("ink-1.0", "oil"))
    match change:
        case "replaced":
            ink.write_bytes(b"other ink")
        case "added":
            (folder / "loras" / "new.safetensors").touch()
        case "taken away":
            ink.unlink()
        case "changed inside":
            (oil / "any.safetensors").write_bytes(b"other oil")
    with pytest.raises(ValueError, match=r"of other LoRAs .* run `python -m storyreel_engine.stamp --folder"):
        load_card(folder)
    stamp(folder, folder / CARD_FILE)
    assert load_card(folder).loras == list(lora_paths(folder))
    assert load_card(folder).version == weights_version(folder)


def test_stamping_changes_nothing_else_on_the_card_and_says_what_it_wrote(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = folder / "card.json"
    before = {**json.loads((folder / CARD_FILE).read_text()), "version": "mine", "prompt_writer": {"style": "plain"}}
    elsewhere.write_text(json.dumps(before))
    assert main(["--folder", str(folder), "--card", str(elsewhere)]) == 0
    after = json.loads(elsewhere.read_text())
    assert after.pop("version").startswith("mine-lora-")
    assert after.pop("loras") == ["ink-1.0", "oil"]
    assert after == {name: value for name, value in before.items() if name not in ("version", "loras")}
    assert "ink-1.0, oil" in capsys.readouterr().out
    assert load_card(folder, elsewhere).loras == ["ink-1.0", "oil"]


def test_a_lora_that_the_model_lacks_is_refused_by_name_and_told_what_there_is() -> None:
    LOOKS.check(request(lora="ink"))
    with pytest.raises(InvalidInputError, match=r"^lora: 'noir' is wanted, there are: ink, oil$"):
        LOOKS.check(request(lora="noir"))
    with pytest.raises(InvalidInputError, match=r"^lora: 'noir' is wanted, this model has none$"):
        CARD.check(request(lora="noir"))


def test_a_client_that_asks_for_one_that_is_not_there_hears_so() -> None:
    bench = Bench(card=LOOKS)
    assert bench.submit(lora="noir").last["failure"] == "invalid_input"
    assert bench.clients["job"].last["reason"].startswith("lora: ")


def test_scales_of_one_lora_are_learned_together_and_loras_apart() -> None:
    costs = StepCosts()
    keys = [f"64x48{look(request(lora=name, lora_scale=scale))}" for name, scale in (("ink", 1.0), ("ink", 0.5), ("oil", 1.0))]
    assert len(set(keys)) == 3
    costs.learn_pass(keys[0], 1, 2.0)
    costs.tried(keys[1])
    assert [costs.pass_seconds(key, 1) for key in keys] == [2.0, 2.0, None]
    assert list(costs.to_json()) == ["64x48~ink"]


ASKED = [("", 1.0), ("ink", 1.0), ("ink", 0.5), ("oil", 1.0)]


def looks_of_passes(bench: Bench) -> list[set[tuple[str, float]]]:
    """Three jobs of each look together; the looks of every forward pass."""
    for i in range(3):
        for n, (lora, scale) in enumerate(ASKED):
            bench.submit(f"{n}-{i}", lora=lora, lora_scale=scale, steps=6)
    bench.run()
    assert {client.last["kind"] for client in bench.clients.values()} == {"result"}
    return [{ASKED[int(name.split("-")[0])] for name in names} for names in bench.passes()]


def test_jobs_of_unlike_loras_or_scales_never_share_a_pass_and_those_of_one_do() -> None:
    bench = Bench(Costs(FLAT), card=LOOKS)
    assert {len(looks) for looks in looks_of_passes(bench)} == {1}
    assert max(len(names) for names in bench.passes()) == 3


def test_with_the_lora_out_of_the_key_they_would_share_passes() -> None:
    bench = Bench(Costs(FLAT), card=LOOKS, apart=lambda request: "")
    assert max(len(looks) for looks in looks_of_passes(bench)) == len(ASKED)

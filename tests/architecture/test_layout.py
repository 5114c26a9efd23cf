"""The floor plan: the same doors in six rooms, sizes that stay readable, nothing in the tree that must not be there."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from storyreel_contracts.flow import mermaid
from storyreel_contracts.topics import SERVICES

ROOT = Path(__file__).parents[2]
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 400, 50, 6
DOORS = (
    "__init__.py",
    "__main__.py",
    "app.py",
    "handlers.py",
    "settings.py",
    "metrics.py",
    "domain/__init__.py",
    "domain/ports.py",
)


def tracked(*patterns: str) -> list[Path]:
    """Files of the tree, whether committed yet or not; ignored ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


SOURCES = [p for p in tracked("*.py") if "/tests/" not in f"/{p.relative_to(ROOT)}"]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("service", SERVICES)
def test_every_room_has_the_same_doors(service: str) -> None:
    room = ROOT / "services" / service
    missing = [d for d in DOORS if not (room / f"src/storyreel_{service}" / d).is_file()]
    missing += [d for d in ("README.md", "Dockerfile", "pyproject.toml") if not (room / d).is_file()]
    missing += [
        d for d in ("tests/unit", "tests/contract", "src/storyreel_" + service + "/adapters") if not (room / d).is_dir()
    ]
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_a_rooms_readme_says_what_it_may_know_and_must_never_do(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text().lower()
    assert "may know" in text
    assert "never" in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_LINES
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno >= FUNCTION_LINES]
    assert not long, f"functions of {FUNCTION_LINES} lines or more"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_function_takes_more_parameters_than_one_remembers(path: Path) -> None:
    typer = "commands" in path.parts or path.name == "cli.py"  # a command's options are its interface
    many = [f.name for f in functions(path) if len(_parameters(f)) > PARAMETERS]
    assert typer or not many


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    named = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return [n for n in named if n not in {"self", "cls"}]


def test_the_import_law_holds() -> None:
    done = subprocess.run(["lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_nothing_in_the_tree_names_a_private_place() -> None:
    private = re.compile(rb"(^|[\s\"'=:(])/(work|root|home)/[a-z]|index-url\s*=?\s*https?:")
    found = [str(p.relative_to(ROOT)) for p in tracked() if private.search(p.read_bytes()) and p != Path(__file__)]
    assert not found


def test_every_file_has_an_owner() -> None:
    rules = [line.split()[0] for line in (ROOT / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    for room in (*(f"services/{s}" for s in SERVICES), "libs/contracts", "libs/chassis", "libs/client", "deploy", "tests"):
        assert any(rule.strip("/") == room for rule in rules), room


def test_the_chassis_knows_nothing_of_films() -> None:
    words = re.compile(r"\b(shot|plan|video|caption|take|brief)s?\b")
    found = []
    for path in (ROOT / "libs/chassis/src").rglob("*.py"):
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        found += [(path.name, n) for n in names if words.fullmatch(n.lower())]
    assert not found


def test_the_readme_shows_the_event_flow_as_it_is() -> None:
    assert mermaid() in (ROOT / "README.md").read_text(), "run python -m storyreel_contracts.flow and put it in"


def test_planner_and_renderer_mean_the_same_null_model() -> None:
    cards = [json.loads(p.read_text()) for p in tracked("services/**/null_card.json")]
    assert len(cards) == 2
    assert cards[0] == cards[1]


def test_planner_and_renderer_bill_the_same_price() -> None:
    prices = [
        import_module(f"storyreel_{room}.settings").Settings.model_fields["price_micros_per_device_second"].default
        for room in ("planner", "renderer")
    ]
    assert prices[0] == prices[1]

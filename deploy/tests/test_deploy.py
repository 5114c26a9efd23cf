"""What is deployed agrees with the code: compose with the services, alerts with their tests and pages, boards with metrics."""

import json
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from storyreel_chassis.health import LagCollector
from storyreel_contracts.topics import SERVICES
from storyreel_local.testing import unavailable

DEPLOY = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
ALERTS = yaml.safe_load((DEPLOY / "observability/alerts.yml").read_text())
SCRAPED = yaml.safe_load((DEPLOY / "observability/prometheus.yml").read_text())["scrape_configs"]
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


class _NoLag:
    def lag(self) -> list[Any]:
        return [("g", "t", 0, 1)]


def exported() -> set[str]:
    """Names of all metrics that some service exports."""
    for module in ("storyreel_chassis.metrics", *(f"storyreel_{s}.metrics" for s in SERVICES)):
        import_module(module)
    families = [*REGISTRY.collect(), *LagCollector(_NoLag()).collect()]
    board = import_module("storyreel_planner.metrics").FilmBoard(lambda: None)
    families += list(board.collect())
    return {f.name + suffix for f in families for suffix in SUFFIXES.get(f.type, ())}


def names_in(query: str) -> set[str]:
    return set(re.findall(r"\b(?:storyreel|kminion)_[a-z_]+", query))


def queries() -> list[str]:
    boards = [json.loads(p.read_text()) for p in (DEPLOY / "observability/grafana/dashboards").glob("*.json")]
    panels = [target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("query", queries())
def test_every_query_names_metrics_that_are_exported(query: str) -> None:
    assert names_in(query) - exported() == set()


def test_a_query_for_a_metric_that_nobody_exports_would_be_noticed() -> None:
    assert names_in("rate(storyreel_dreams_total[1m])") - exported() == {"storyreel_dreams_total"}


@pytest.mark.parametrize("rule", [r for g in ALERTS["groups"] for r in g["rules"]], ids=lambda r: r["alert"])
def test_every_alert_has_its_page_and_its_route(rule: dict[str, Any]) -> None:
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^## (.+)$", (DEPLOY.parent / path).read_text(), re.M)
    assert anchor in {h.lower() for h in headings}
    assert {"severity", "team"} <= set(rule["labels"])
    assert {"summary", "description"} <= set(rule["annotations"])


def test_alerts_fire_and_stay_silent_as_their_tests_say() -> None:
    if shutil.which("promtool") is None:
        unavailable("promtool", "it comes with the prometheus package")
    for command in (["test", "rules", "tests/alerts.yml"], ["check", "config", "prometheus.yml"]):
        done = subprocess.run(["promtool", *command], cwd=DEPLOY / "observability", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    tested = (DEPLOY / "observability/tests/alerts.yml").read_text()
    assert all(tested.count(f"alertname: {r['alert']}") >= 2 for g in ALERTS["groups"] for r in g["rules"])


def test_prometheus_scrapes_all_services() -> None:
    targets = {t for job in SCRAPED for s in job["static_configs"] for t in s["targets"]}
    assert {f"{service}:9000" for service in SERVICES} <= targets


@pytest.mark.parametrize("service", SERVICES)
def test_compose_runs_every_service_locked_down(service: str) -> None:
    entry = COMPOSE["services"][service]
    assert entry["read_only"] is True
    assert entry["cap_drop"] == ["ALL"]
    assert entry["build"]["dockerfile"] == f"services/{service}/Dockerfile"
    dockerfile = (DEPLOY.parent / entry["build"]["dockerfile"]).read_text()
    assert re.search(r"^USER [1-9]\d*", dockerfile, re.M)
    assert f"storyreel_{service}" in dockerfile


def test_compose_has_a_cpu_and_a_gpu_profile() -> None:
    profiles = {p for s in COMPOSE["services"].values() for p in s.get("profiles", [])}
    assert profiles == {"cpu", "gpu", "obs"}

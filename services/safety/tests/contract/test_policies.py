"""Policy files: versions by hash, tenants' patches, categories, and mistakes that stop the start."""

from pathlib import Path

import pytest
from storyreel_contracts import Severity
from storyreel_safety.adapters.policies import FilePolicies, read_policies
from storyreel_safety.domain.policy import PolicyMissing
from storyreel_safety.domain.words import Passage, judge


def severity(policies: FilePolicies, name: str, category: str, text: str) -> Severity | None:
    marks = judge([Passage(where="prompt", text=text)], policies.policy(name, category))
    return marks[0].finding.severity if marks else None


def test_a_category_changes_severity_and_version(policies: FilePolicies) -> None:
    assert severity(policies, "default", "general", "a water pistol") == "review"
    assert severity(policies, "default", "children", "a water pistol") == "block"
    general, children = (policies.policy("default", c).ref.version for c in ("general", "children"))
    assert general != children
    assert policies.policy("default", "a-category-nobody-wrote").ref.version == general


def test_a_tenants_policy_patches_the_house_policy(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(
        "extends: default\nreview_due_s: 60\nwords:\n  politics: null\n  rivals: {category: brand, severity: review, "
        "explanation: A rival, remedy: {action: rewrite, explanation: Leave it out.}, terms: [globex]}\n"
    )
    policies = read_policies(tmp_path)
    assert severity(policies, "acme", "general", "election night") is None
    assert severity(policies, "acme", "general", "G1obex shoes") == "review"
    assert severity(policies, "default", "general", "election night") == "review"
    assert policies.policy("acme", "general").review_due_s == 60
    assert policies.policy("acme", "general").ref.version != policies.policy("default", "general").ref.version


def test_the_version_follows_the_data_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: default\nreview_due_s: 60\n")
    first = read_policies(tmp_path).policy("a", "general").ref
    (tmp_path / "a.yaml").write_text("# another comment\nreview_due_s: 60\nextends: default\n")
    assert read_policies(tmp_path).policy("a", "general").ref == first
    (tmp_path / "a.yaml").write_text("extends: default\nreview_due_s: 61\n")
    assert read_policies(tmp_path).policy("a", "general").ref != first


@pytest.mark.parametrize(
    "text",
    [
        "extends: nobody\n",
        "extends: a\n",
        "extends: default\nrewiew_due_s: 5\n",
        "- a list\n",
        "a: [\n",
        "extends: default\nwords: {hate: {severity: loud}}\nunknown: 1\n",
    ],
)
def test_a_wrong_file_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises((ValueError, PolicyMissing)):
        read_policies(tmp_path)


def test_a_missing_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder"):
        read_policies(tmp_path / "nowhere")

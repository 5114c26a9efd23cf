"""With a model that can be paused, a preview is its final's first steps: nothing of it is rendered twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import started
from storyreel_renderer.cards import null_card
from studio import Studio, demo_brief, distinct, ends, tier_gaps

pytestmark = pytest.mark.connected
DRAFT_STEPS = 4  # a step of which a checkpoint is kept: the null engine's own card says nothing of drafts


@pytest.fixture
def drafting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    card = tmp_path / "storyreel.json"
    card.write_text(json.dumps(null_card().model_dump(mode="json") | {"draft_steps": DRAFT_STEPS}))
    monkeypatch.setenv("PLANNER_MODEL_CARD", str(card))
    stack = started(tmp_path / "stack")
    yield Studio(stack.endpoints)
    stack.down()


async def test_finals_go_on_from_the_drafts_that_were_approved(drafting: Studio) -> None:
    film_id = await drafting.submit(demo_brief(storyboard=[], duration_s=2, tier="final"))
    seen = await drafting.ended(film_id)
    assert [e.type for e in ends(seen)] == ["film.published.v1"]
    asked = {
        (s.data["shot_id"], s.data["tier"], s.data["attempt"]): s.data["spec"] for s in distinct(seen, "shot.requested.v1")
    }
    rendered = {(s.data["shot_id"], s.data["tier"]): s.data for s in distinct(seen, "shot.rendered.v1")}
    finals = {shot: spec for (shot, tier, attempt), spec in asked.items() if (tier, attempt) == ("final", 1)}
    assert finals
    for shot, spec in finals.items():
        draft = asked[shot, "preview", max(a for s, t, a in asked if (s, t) == (shot, "preview"))]
        assert draft == spec | {"stop_after": DRAFT_STEPS}
        whole = null_card().device_seconds["final"]
        assert rendered[shot, "final"]["device_seconds"] == pytest.approx(whole * (1 - DRAFT_STEPS / spec["steps"]), rel=0.01)
    gaps = await tier_gaps(drafting, film_id, seen)
    assert {(g["ssim"], g["delta_e"]) for g in gaps.values()} == {(1.0, 0.0)}, "the null engine's draft looks like its final"

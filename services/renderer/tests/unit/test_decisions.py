"""The pure half: what becomes work, what is said, whatever the order."""

from renderer_fakes import START, a_cancel, a_request, an_event
from storyreel_contracts import ArtifactRef, FailureKind, FilmApproved, ShotRendered, ShotRenderFailed
from storyreel_renderer.domain.decisions import RendererDecider, RendererState, RenderShot, StopVersion
from storyreel_renderer.domain.takes import Checkpoint, Dropped, Lost, Taken

DECIDER = RendererDecider()
ASKED = an_event(a_request(), "ask", deadline=START)


def a_take(paid_by: str) -> Taken:
    spec = a_request().spec
    return Taken(
        artifact=ArtifactRef(uri="s3://b/k", sha256="0" * 64, size=1, media_type="video/mp4"),
        width=spec.width, height=spec.height, frames=spec.frames, fps=spec.fps, seed=spec.seed, model=spec.model,
        device_seconds=1.5, cost_micros=1500, paid_by=paid_by, token=3,
    )  # fmt: skip


def test_a_request_becomes_work_with_its_deadline() -> None:
    (task,) = DECIDER.decide(RendererState(), ASKED).tasks
    assert task.work == RenderShot(film_id="film-1", tenant_id="acme", event_id="ask", deadline=START, request=a_request())
    assert task.key == "render/v1/s01/preview/1"


def test_a_cancelled_version_ends_and_its_later_requests_are_ignored() -> None:
    cancelled = DECIDER.decide(RendererState(), a_cancel())
    assert [t.work for t in cancelled.tasks] == [StopVersion(film_id="film-1", version=1)]
    assert DECIDER.decide(cancelled.state, ASKED).tasks == ()
    assert len(DECIDER.decide(cancelled.state, an_event(a_request(version=2))).tasks) == 1


def test_facts_of_no_concern_change_nothing() -> None:
    decision = DECIDER.decide(RendererState(), an_event(FilmApproved(version=1, approved_by="anna")))
    assert (decision.state, decision.tasks, decision.facts, decision.hold) == (RendererState(), (), (), False)


def test_outcomes_become_facts() -> None:
    (task,) = DECIDER.decide(RendererState(), ASKED).tasks
    paid = DECIDER.absorb(RendererState(), ASKED, task, a_take("ask"))
    (fact,) = [f.data for f in paid.facts]
    assert isinstance(fact, ShotRendered)
    assert (fact.reused, fact.cost_micros, fact.device_seconds) == (False, 1500, 1.5)
    (fact,) = [f.data for f in DECIDER.absorb(RendererState(), ASKED, task, a_take("someone else")).facts]
    assert isinstance(fact, ShotRendered)
    assert (fact.reused, fact.cost_micros, fact.device_seconds) == (True, 0, 0.0)
    lost = Lost(kind=FailureKind.MODEL_FAULT, reason="not finite", device_seconds=2.0, cost_micros=2000)
    (fact,) = [f.data for f in DECIDER.absorb(RendererState(), ASKED, task, lost).facts]
    assert isinstance(fact, ShotRenderFailed)
    assert (fact.kind, fact.reason, fact.cost_micros, fact.key) == (
        FailureKind.MODEL_FAULT,
        "not finite",
        2000,
        a_request().key,
    )
    assert DECIDER.absorb(RendererState(), ASKED, task, Dropped(reason="ended")).facts == ()
    assert paid.state.answered == {"v1/s01/preview/1": "rendered"}


def test_the_state_survives_its_json() -> None:
    state = RendererState(ended=frozenset({1, 3}), answered={"v1/s01/preview/1": "rendered"})
    assert RendererState.model_validate(state.model_dump(mode="json")) == state


def test_a_checkpoint_survives_its_packing() -> None:
    checkpoint = Checkpoint(4, 1.25, "key", b"\x00\n{}\n\xff")
    assert Checkpoint.unpack(checkpoint.pack()) == checkpoint

"""A preview that is its final's beginning is paid once: the final goes on from where it stopped."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renderer_fakes import FrugalStore, Lab, a_request, an_event
from renderer_studio import RULES, Studio
from storyreel_contracts import Fact, FailureKind, Lora, RenderSpec, ShotRendered, ShotRenderFailed, Tier, build_key
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.ports import Failed
from storyreel_renderer.domain.pricing import expected_device_seconds
from storyreel_renderer.domain.takes import Checkpoint, share_of, trajectory
from storyreel_renderer.workflows.ledger import Ledger

WHOLE, STEPS, DRAFT = 1.6, 8, 3  # device seconds and steps of a final, see null_card.json
SPEC = a_request(tier=Tier.FINAL).spec
PREVIEW = SPEC.model_copy(update={"stop_after": DRAFT})


def rendered(fact: Fact) -> ShotRendered:
    assert isinstance(fact, ShotRendered), fact
    return fact


async def preview_then_final(final: RenderSpec) -> tuple[Lab, list[Fact]]:
    studio = Studio()
    lab = studio.lab(draft_steps=DRAFT)
    async with studio.replica(lab) as replica:
        first = await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview"))
        second = await studio.clock.run(replica.ask(a_request(tier=Tier.FINAL, spec=final), "final"))
    return lab, [first, second]


async def test_a_final_goes_on_from_its_drafts_last_state_and_pays_only_the_rest() -> None:
    lab, (preview, final) = await preview_then_final(SPEC)
    assert lab.resumed_at == [DRAFT + 1]
    assert lab.steps_paid == STEPS
    assert rendered(preview).device_seconds == pytest.approx(WHOLE * DRAFT / STEPS)
    assert rendered(final).device_seconds == pytest.approx(WHOLE * (STEPS - DRAFT) / STEPS)


async def test_it_does_so_whatever_the_pace_of_checkpoints() -> None:
    for every in (0, 2, 5):
        studio = Studio()
        lab = studio.lab(draft_steps=DRAFT)
        async with studio.replica(lab, rules=replace(RULES, checkpoint_every=every)) as replica:
            await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview"))
            await studio.clock.run(replica.ask(a_request(tier=Tier.FINAL, spec=SPEC), "final"))
        assert (lab.resumed_at, lab.steps_paid) == ([DRAFT + 1], STEPS), every


async def test_control_a_final_on_another_way_pays_everything() -> None:
    lab, (_, final) = await preview_then_final(SPEC.model_copy(update={"seed": 8}))
    assert lab.resumed_at == []
    assert rendered(final).device_seconds == pytest.approx(WHOLE)


async def test_another_tenants_draft_is_never_gone_on_from() -> None:
    studio = Studio()
    lab = studio.lab(draft_steps=DRAFT)
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview"))
        other = an_event(a_request(tier=Tier.FINAL, spec=SPEC), "other", tenant="umbrella")
        await studio.clock.run(replica.handle(other))
    assert lab.resumed_at == []


async def test_the_price_limit_of_a_final_has_to_cover_the_rest_only() -> None:
    card = null_card()
    width, height = card.sizes[Tier.FINAL]["16:9"]
    full = SPEC.model_copy(update={"frames": card.max_frames, "width": width, "height": height})
    rest, studio = round(1000 * WHOLE * (STEPS - DRAFT) / STEPS) + 1, Studio()
    request = a_request(tier=Tier.FINAL, spec=full, limit=rest)
    async with studio.replica(studio.lab(draft_steps=DRAFT)) as replica:
        alone = await studio.clock.run(replica.ask(request, "without a preview"))
        await studio.clock.run(replica.ask(a_request(spec=full.model_copy(update={"stop_after": DRAFT})), "preview"))
        after = await studio.clock.run(replica.ask(request, "after its preview"))
    assert isinstance(alone, ShotRenderFailed)
    assert alone.kind is FailureKind.BUDGET_EXHAUSTED
    assert rendered(after).cost_micros <= rest


def test_a_draft_is_expected_to_cost_its_share_of_a_final() -> None:
    card = null_card()
    final = expected_device_seconds(card, Tier.FINAL, SPEC)
    draft = expected_device_seconds(card, Tier.PREVIEW, PREVIEW)
    assert draft == pytest.approx(final * DRAFT / STEPS)
    assert draft + expected_device_seconds(card, Tier.FINAL, SPEC, DRAFT) == pytest.approx(final)


async def test_a_crashed_final_has_its_own_steps_on_the_bill_and_not_its_drafts() -> None:
    studio = Studio()
    lab = studio.lab(draft_steps=DRAFT)
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview"))
        lab.fail, lab.fail_after_step = [Failed(FailureKind.DEVICE_LOST, "gone", WHOLE * 2 / STEPS)], DRAFT + 2
        final = rendered(await studio.clock.run(replica.ask(a_request(tier=Tier.FINAL, spec=SPEC), "final")))
    assert lab.resumed_at == [DRAFT + 1, DRAFT + 2]
    assert final.device_seconds == pytest.approx(WHOLE * (STEPS - DRAFT + 1) / STEPS), "one step was lost and paid again"


async def test_a_draft_that_was_lost_before_its_pictures_only_decodes() -> None:
    studio = Studio()
    lab = studio.lab(draft_steps=DRAFT)
    kept = Checkpoint(DRAFT, 0.5, a_request(spec=PREVIEW).key, await last_state(studio, lab))
    fresh = Studio()
    await Ledger(fresh.store).keep_checkpoint("acme", trajectory(PREVIEW, 0), kept)
    again = fresh.lab(draft_steps=DRAFT)
    async with fresh.replica(again) as replica:
        take = rendered(await fresh.clock.run(replica.ask(a_request(spec=PREVIEW), "preview")))
    assert again.steps_paid == 0
    assert take.device_seconds == pytest.approx(0.5)


async def last_state(studio: Studio, lab: Lab) -> bytes:
    """The null engine's bytes after the draft."""
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview"))
    kept = await Ledger(studio.store).checkpoint("acme", trajectory(SPEC, 0), DRAFT)
    assert kept
    return kept.data


async def test_a_slow_store_still_keeps_a_drafts_last_state() -> None:
    class SlowStore(FrugalStore):
        async def remember(self, key: str, value: bytes) -> bytes:
            if key.startswith("keys/checkpoints/"):
                await studio.clock.sleep(8.0)
            return await super().remember(key, value)

    studio = Studio(store=SlowStore())
    lab = studio.lab(step_s=0.1, draft_steps=DRAFT)
    async with studio.replica(lab, rules=replace(RULES, checkpoint_every=0)) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request(spec=PREVIEW), "preview"))
        rendered(await studio.clock.run(asking))
    assert await last_state_is_there(studio)


async def last_state_is_there(studio: Studio) -> bool:
    return await Ledger(studio.store).checkpoint("acme", trajectory(SPEC, 0), DRAFT) is not None


class CountingStore(FrugalStore):
    """Counts how often it is asked."""

    looks = 0

    async def recall(self, key: str) -> bytes | None:
        self.looks += 1
        return await super().recall(key)


@given(
    st.integers(min_value=0, max_value=7),
    st.integers(min_value=0, max_value=40),
    st.integers(min_value=1, max_value=200),
    st.integers(min_value=0, max_value=20),
)
def test_the_furthest_state_up_to_the_goal_is_found_with_few_looks(every: int, chain: int, goal: int, draft: int) -> None:
    draft = draft if draft <= goal else 0
    kept = {every * k for k in range(1, chain + 1) if every} | ({draft} if draft else set())

    async def play() -> None:
        store = CountingStore()
        ledger = Ledger(store)
        for step in kept:
            await ledger.keep_checkpoint("acme", "path", Checkpoint(step, 1.0, "key", b"state"))
        found = await ledger.last_checkpoint("acme", "path", goal, every, draft)
        assert not found or not found.data, "jobs that wait hold no states"
        assert (found.step if found else None) == max((step for step in kept if step <= goal), default=None)
        assert store.looks <= 3 + 2 * len(kept).bit_length()

    asyncio.run(play())


async def test_a_draft_whose_final_went_further_takes_its_own_state() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request(tier=Tier.FINAL, spec=SPEC), "final"))
        before = lab.steps_paid
        rendered(await studio.clock.run(replica.ask(a_request(spec=PREVIEW), "preview")))
    assert lab.steps_paid == before


def test_states_are_shared_by_a_draft_and_its_final_and_by_nothing_else() -> None:
    assert trajectory(SPEC, 0) == trajectory(PREVIEW, 0)
    others = [trajectory(SPEC, 17), *(trajectory(SPEC.model_copy(update=u), 0) for u in ({"seed": 8}, {"guidance": 2.0}))]
    assert len({trajectory(SPEC, 0), *others}) == 4


def test_a_lora_has_its_own_path_and_paths_without_one_are_as_they_always_were() -> None:
    before = {"spec": SPEC.model_dump(mode="json", exclude={"lora"}), "window": 0}
    assert trajectory(SPEC, 0) == build_key("trajectory", before)
    looks = [SPEC.model_copy(update={"lora": Lora(name=n, scale=s)}) for n, s in (("ink", 1.0), ("ink", 0.5), ("oil", 1.0))]
    assert len({trajectory(SPEC, 0), *(trajectory(look, 0) for look in looks)}) == 4


async def test_a_share_says_who_shares_and_not_who_it_is() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request()))
        await studio.clock.run(replica.handle(an_event(a_request(seed=8), "more")))
        await studio.clock.run(replica.handle(an_event(a_request(seed=9), "other", tenant="umbrella")))
    first, second, other = [job.share for job in lab.started]
    assert first == second == share_of("acme") != other
    assert "acme" not in repr(lab.started[0])

"""A trained look that the brief names: in every take if the model has it, and a fact if it has not."""

from planner_fakes import CARD, Studio, a_brief, plan_for
from storyreel_contracts import Lora, RenderSpec, ShotRequested, Tier, build_key
from storyreel_planner.domain.specs import first_spec, key_of

INK = Lora(name="ink", scale=0.8)
TRAINED = CARD.model_copy(update={"loras": ["ink", "oil"]})


def test_every_take_of_a_film_has_the_look_that_its_brief_names() -> None:
    studio = Studio(a_brief(lora=INK), card=TRAINED).run()
    asked = studio.facts(ShotRequested)
    assert {f.tier for f in asked} == {Tier.PREVIEW, Tier.FINAL}
    assert all(f.spec.lora == INK for f in asked)
    assert studio.outcome() == ["published"]


def test_a_look_that_the_model_lacks_is_left_out_and_the_plan_says_so() -> None:
    plan = plan_for(a_brief(lora=Lora(name="gouache")), TRAINED).plan
    assert plan.lora is None
    (loss,) = [s for s in plan.substitutions if s.field == "lora.name"]
    assert (loss.wanted, loss.chosen) == ("gouache", "the model's own look")
    assert "ink, oil" in loss.reason
    assert not [s for s in plan_for(a_brief(lora=INK), TRAINED).plan.substitutions if s.field == "lora.name"]


def test_another_look_is_another_take_and_keys_without_one_are_as_they_always_were() -> None:
    def spec(**changes: object) -> RenderSpec:
        return first_spec(plan_for(a_brief(**changes), TRAINED), Tier.PREVIEW, 0, None, None)

    plain = spec()
    before = plain.model_dump(mode="json", exclude={"stop_after", "lora"})
    assert key_of("acme", plain) == build_key("take", {"tenant": "acme", "spec": before})
    looks = [spec(lora=Lora(name=n, scale=s)) for n, s in (("ink", 1.0), ("ink", 0.5), ("oil", 1.0))]
    assert len({key_of("acme", s) for s in [plain, *looks]}) == 4

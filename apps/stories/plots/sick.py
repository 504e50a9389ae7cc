"""Sick: a plan must wait until the friend is well, and is carried out then."""

from dataclasses import dataclass

from stories.frame import end_day
from stories.people import HAPPY, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.world import Event


@dataclass(frozen=True)
class Plan:
    """Something two friends want to do, and have done in the end."""

    todo: str
    done: str


PLANS = (
    Plan("build a raft", "built the raft"),
    Plan("paint a big ship", "painted the ship"),
    Plan("put on a puppet show", "put on the puppet show"),
    Plan("bake a plum cake", "baked the plum cake"),
    Plan("make a scarecrow", "made the scarecrow"),
    Plan("catch crabs", "caught seven crabs"),
    Plan("build a tree house", "built the tree house"),
    Plan("learn to whistle", "learned to whistle"),
    Plan("fly a kite", "flew the kite"),
)
ILLNESSES = (
    ("a bad cold", "sneezed nine times"),
    ("a sore throat", "could only croak like a frog"),
    ("a fever", "was as hot as an oven"),
    ("a stomach ache", "groaned all day long"),
)


def tell(s: Story) -> None:
    """Tell how the friend is too ill for a plan, is cared for by the hero, and carries it out with the hero later."""
    plan = s.rng.choice(PLANS)
    illness, sign = s.rng.choice(ILLNESSES)
    s.cast.update({"plan": plan, "illness": illness, "sign": sign})
    s.choose("cure", ("carrot soup", "honey tea", "lemon tea", "rice soup", "sweet porridge", "apple sauce"))
    _fall_ill(s, illness)
    _care(s)
    _get_well(s, illness)


def _fall_ill(s: Story, illness: str) -> None:
    """Let the friend stay away from the plan, and the hero learn why."""
    s.paragraph()
    s.say(
        "{hero} and {hero.his} friend {friend}, {friend.a_kind}, wanted to {plan.todo} there. "
        "But {friend} did not come.",
        '"Today my friend {friend} and I will {plan.todo}," said {hero}. {hero.He} waited {place.at}, but no {friend} '
        "came.",
    )
    s.feel(s.hero, WORRIED)
    s.say(
        "{hero} was {hero.feeling} and went to {friend}'s house.",
        '"Where can {friend} be?" {hero} was {hero.feeling}.',
    )
    s.log.append(Event("fall ill", str(s.friend), illness))
    s.say(
        "{friend} was in bed with {illness} and {sign}.",
        '"Poor {friend} has {illness}," said the neighbor. {friend} {sign}.',
    )


def _care(s: Story) -> None:
    """Let the hero bring the cure."""
    s.paragraph()
    s.say(
        '{hero} ran home and came back with a pot of {cure}. "Eat this," {hero.he} {hero.says}.',
        "So {hero} and {elder} cooked {cure}, and {hero} carried it to {friend}.",
    )
    s.say(
        "{hero} sat by the bed and told {friend} a story about [a brave snail|a flying pig|a lazy king].",
        '"We cannot {plan.todo} now," said {friend}. "We will do it when you are well," said {hero}.',
    )
    s.say(
        "{friend} ate it all and slept.",
        "{friend} had two bowls of {cure} and smiled.",
        "The {cure} did {friend} good.",
    )
    end_day(s)


def _get_well(s: Story, illness: str) -> None:
    """Days later: the friend is well, and the plan is carried out."""
    s.paragraph()
    s.say(
        "After three days, {illness} was a thing of the past. {friend} jumped out of bed, and together they "
        "{plan.done}.",
        '"I am well again!" called {friend} a few days later. "Your {cure} helped!" And that day they {plan.done}.',
    )
    s.log.append(Event("get well", str(s.friend), illness))
    s.feel(s.hero, HAPPY)


SICK = Plot("sick", tell, ("A friend helps when you are ill.", "Nothing heals like a good friend."))

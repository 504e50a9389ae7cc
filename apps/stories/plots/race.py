"""Race: who boasts and stops on the way loses the prize to who runs on."""

from dataclasses import dataclass

from stories.frame import meet
from stories.people import HAPPY, SORRY
from stories.plot import Plot
from stories.story import Story
from stories.things import PRIZES
from stories.world import Item


@dataclass(frozen=True)
class Delay:
    """Something that keeps a runner from running, and how the runner speaks of it later."""

    stops: str
    regret: str


DELAYS = (
    Delay("lay down under a tree and fell asleep", "slept"),
    Delay("stopped to eat blackberries", "eaten berries"),
    Delay("stopped to build a tower of stones", "built a tower"),
    Delay("sat down to listen to a bird", "listened to the bird"),
    Delay("stopped to chase a butterfly", "chased a butterfly"),
    Delay("stopped to look at a funny cloud", "looked at the sky"),
)


def tell(s: Story) -> None:
    """Tell how the hero boasts, stops on the way, loses the race and the prize, and does better the next time."""
    delay = s.rng.choice(DELAYS)
    prize = s.item("prize", PRIZES, s.elder)
    s.cast["delay"] = delay
    s.choose("goal", ("the big rock", "the red gate", "the stone well", "the tall pine tree", "the white fence"))
    _boast(s)
    _run(s, prize)
    _be_sorry(s)


def _boast(s: Story) -> None:
    """Announce the race and the prize, and let the hero boast."""
    meet(s)
    s.say(
        '"Let us race to {goal}!" said {friend}. {elder} had {prize.a} for the winner.',
        '{elder} held up {prize.a}. "It is for the one who is first at {goal}," said {elder}.',
    )
    s.feel(s.hero, ("vain", "boastful", "proud"))
    s.say(
        '"I am much faster than {friend}," said {hero}. {hero.He} was very {hero.feeling}.',
        '{hero} was {hero.feeling}. "You will never win, {friend}," said {hero}.',
    )


def _run(s: Story, prize: Item) -> None:
    """Let the hero stop on the way, and the friend win the prize."""
    s.paragraph()
    s.say(
        '"One, two, three, go!" {hero} ran fast.',
        "They began to run. {hero} was in front.",
        "Off they went, {hero} first.",
    )
    s.say(
        '"I have so much time," {hero.he} thought, and {hero.he} {delay.stops}.',
        "Then {hero.he} looked back, saw that {friend} was far behind, and {delay.stops}.",
    )
    s.say("{friend} did not stop. Step by step, {friend} ran on.", "But {friend} kept running and passed {hero}.")
    s.give(prize, s.friend, to_keep=True)
    s.say(
        "{friend} was first at {goal}, and {elder} gave {prize.holder} the {prize}.",
        "When {hero} came to {goal}, {friend} was already there. The {prize.noun} went to {prize.holder}.",
    )


def _be_sorry(s: Story) -> None:
    """Let the hero regret the stop and the boasting."""
    s.paragraph()
    s.feel(s.hero, SORRY)
    s.say(
        '"If only I had not {delay.regret}!" said {hero}. "And I am sorry that I was so {hero.earlier}. You ran well."',
        '{hero} was {hero.feeling}. "I should not have {delay.regret}," {hero.he} said. "Well done, {friend}!"',
    )
    s.feel(s.hero, HAPPY)
    s.say(
        "Then they ran back together. This time {hero} did not stop, and both were first.",
        "{friend} let {hero} hold the {prize.noun}, and they walked home side by side.",
    )


RACE = Plot(
    "race",
    tell,
    ("Slow and steady is better than fast and proud.", "{hero} never boasted again."),
    barred_traits=("shy", "quiet", "gentle", "polite", "patient"),
)

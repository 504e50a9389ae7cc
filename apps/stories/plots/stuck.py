"""Stuck: what the wind took up high comes down with the help of somebody who can reach it."""

from stories.frame import meet
from stories.people import SAD, THANKFUL
from stories.plot import Plot
from stories.story import Story
from stories.things import FLYERS
from stories.world import Character, Item


def tell(s: Story) -> None:
    """Tell how a thing of the hero's gets stuck high up, and how somebody gets it down after some vain tries."""
    thing = s.item("thing", FLYERS, s.hero)
    helper = s.rng.choice([s.friend, s.elder])
    s.cast["helper"] = helper
    perch = s.choose(
        "perch", ("in the top of a tree", "on the roof", "on a high wall", "on a lamp post", "on a chimney")
    )
    _fly_away(s, thing, perch)
    _reach_for_it(s, thing, helper)
    _get_it_back(s)


def _fly_away(s: Story, thing: Item, perch: str) -> None:
    """Let the wind take the thing and leave it on its perch."""
    meet(s)
    s.say("{hero} had {thing.a}.", "{hero} showed {friend} {thing.a}.", "They wanted to play with {hero}'s {thing}.")
    s.say("Whoosh! A strong wind came and took it away.", "But {hero} let go for a moment, and up, up it went.")
    s.lay(thing, perch, "get stuck")
    s.feel(s.hero, SAD)
    s.say(
        "The {thing.noun} got stuck {perch}. {hero} was {hero.feeling}.",
        'There it hung, {perch}. "My {thing.noun}!" cried {hero}, who was very {hero.feeling}.',
    )


def _reach_for_it(s: Story, thing: Item, helper: Character) -> None:
    """Try in vain, and then let the helper reach the perch."""
    s.paragraph()
    s.say("{hero} jumped, but it was too high.", "{hero} jumped once, twice, three times. It was no use.")
    s.say("Then {friend} threw a stick and missed.", "{friend} tried with a long pole, but it was too short.")
    if helper is s.friend:
        s.say(
            '"Let me stand on your shoulders," said {friend}. Slowly, {friend} reached up to the {thing.noun}.',
            '"If I climb on your back, I am tall enough," said {friend}. And up went {friend}.',
        )
    else:
        s.say(
            '"{elder} has a ladder!" said {friend}. {elder} came and climbed up, step by step.',
            "They called {elder}, who brought a long ladder and climbed up.",
        )
    s.find(thing, helper)
    s.give(thing, thing.owner)


def _get_it_back(s: Story) -> None:
    """Let the owner have the thing again, and hold it tight."""
    s.paragraph()
    s.feel(s.hero, THANKFUL)
    s.say(
        "Soon {helper} got the {thing} down and gave it to {thing.holder}. It was not even [torn|bent|dirty].",
        '"Got it!" called {helper}, and soon {thing.holder} had the {thing.noun} back.',
    )
    s.say(
        '"Thank you, {helper}!" said {hero}. From then on, {hero.he} held the {thing.noun} tight.',
        '{hero} thanked {helper}. "Next time I will hold it with both hands," {hero} {hero.says}.',
    )


STUCK = Plot(
    "stuck",
    tell,
    ("If one way does not work, try another.", "Together, nothing is too high."),
    weathers=("windy", "breezy"),
)

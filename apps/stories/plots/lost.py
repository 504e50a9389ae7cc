"""Lost: a small thing is found where it fell, not where one looks first."""

from stories.frame import meet
from stories.people import RELIEVED, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.things import POCKET_THINGS
from stories.world import Item


def tell(s: Story) -> None:
    """Tell how the hero loses a thing, looks in the wrong spot, thinks, and finds it where it fell."""
    thing = s.item("thing", POCKET_THINGS, s.hero)
    wrong, right = s.rng.sample(s.hero.place.spots, 2)
    s.cast.update({"wrong": wrong, "right": right})
    _lose(s, thing, right)
    _search(s)
    _find(s, thing)


def _lose(s: Story, thing: Item, spot: str) -> None:
    """Let the hero hide in the spot where the thing drops unseen."""
    meet(s)
    s.say(
        "{hero} had brought {thing.a}, a [gift|present] from {elder}.",
        '{hero} had {thing.a} in {hero.his} pocket. "{elder} gave it to me," {hero} {hero.says}.',
        "{hero} showed {friend} {thing.a} that {elder} had found.",
    )
    s.say(
        "They played hide and seek, and {hero} hid {right}.",
        "Then they began a game of hide and seek. {hero} made {hero.himself} small {right}.",
        '"Let us play hide and seek!" said {friend}. {hero} ran off and hid {right}.',
    )
    s.lay(thing, spot, "lose")


def _search(s: Story) -> None:
    """Look for the thing in the wrong spot, and think back to the right one."""
    s.paragraph()
    s.feel(s.hero, WORRIED)
    s.say(
        "When it was time to go home, the {thing.noun} was gone. {hero} was {hero.feeling}.",
        'After the game, {hero} cried, "Oh no! I have lost my {thing}!" {hero.He} was very {hero.feeling}.',
        "Later, {hero} felt for the {thing.noun}, but it was not there. {hero.He} was {hero.feeling}.",
    )
    s.say(
        "First they looked {wrong}. Nothing [but an old leaf|but a sleepy spider|at all] was there.",
        "They searched {wrong}, but the {thing.noun} was not there.",
        '"Maybe it is {wrong}," said {friend}. They looked, but it was not.',
    )
    s.say(
        '"Where did you hide?" asked {friend}. "{right}!" said {hero}.',
        '"Think," said {friend}. "Where were you in our game?" {hero} thought. "I was {right}!"',
        'Then {friend} had an idea. "You hid {right}," said {friend}. "Let us look there."',
    )


def _find(s: Story, thing: Item) -> None:
    """Find the thing where it was laid, and hand it back to its owner."""
    s.paragraph()
    s.say(
        "They [ran|hurried] back, and there it was, {thing.spot}.",
        "And yes, there lay the {thing.noun}, {thing.spot}!",
        "So {friend} looked {thing.spot}, and there was the {thing}!",
    )
    s.find(thing, s.friend)
    s.give(thing, thing.owner)
    s.feel(s.hero, RELIEVED)
    s.say(
        "{friend} picked it up and gave it [back to|to] {thing.holder}. "
        '"[Thank you|You are a true friend]!" said {hero}.',
        '"Here you are," said {friend}, and put the {thing.noun} into {hero}\'s hand.',
    )


LOST = Plot(
    "lost",
    tell,
    (
        "{hero} learned to think back when something is lost.",
        "It is good to have a friend when something is lost.",
    ),
    barred_traits=("careful",),
)

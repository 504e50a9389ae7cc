"""Secret: a treasure is found where it was hidden, and hidden there again."""

from stories.people import HAPPY, WORRIED
from stories.places import INDOORS, OUTDOORS
from stories.plot import Plot
from stories.story import Story
from stories.things import POCKET_THINGS, TOYS
from stories.world import Item


def tell(s: Story) -> None:
    """Tell how a sad friend finds the hero's treasure where it was hidden, and keeps the secret."""
    treasure = s.item("treasure", TOYS + POCKET_THINGS, s.hero)
    wrong, right = s.rng.sample(s.hero.place.spots, 2)
    s.cast.update({"wrong": wrong, "right": right})
    _hide(s, treasure, right)
    _seek(s, treasure)
    _hide_again(s, treasure, right)


def _hide(s: Story, treasure: Item, spot: str) -> None:
    """Let the hero have hidden a treasure, and a sad friend come along."""
    s.paragraph()
    s.say(
        "{hero} had a secret. Last week, {hero.he} had hidden {treasure.a} {place.at}, {right}.",
        "Nobody knew it, but {right} {place.at}, {hero} had hidden {treasure.a}.",
        "{place.at}, {right}, lay {treasure.a}. {hero} had hidden it there, and nobody else knew.",
    )
    s.lay(treasure, spot, "hide")
    s.feel(s.friend, ("sad", "lonely", "upset"))
    s.feel(s.hero, WORRIED)
    s.say(
        "That day, {hero.his} friend {friend}, {friend.a_kind}, was very {friend.feeling}, and {hero} was "
        "{hero.feeling}, too.",
        "Then {friend}, {friend.a_kind}, came along. {friend} looked {friend.feeling}, and that made {hero} "
        "{hero.feeling}.",
    )


def _seek(s: Story, treasure: Item) -> None:
    """Let the friend search the wrong spot, then find the treasure in the right one."""
    s.paragraph()
    s.say(
        '"Can you keep a secret?" asked {hero}. "Yes," said {friend}. "Then find my treasure!"',
        '"I will show you a secret," {hero} {hero.says}. "You must look for it."',
    )
    s.say(
        '{friend} looked {wrong}. "No, not there," {hero} {hero.says}. Then {friend} looked {treasure.spot}.',
        'First, {friend} searched {wrong}, but that was wrong. "Now try {treasure.spot}," said {hero}.',
    )
    s.say(
        "There was the {treasure}!",
        "And there it was, the {treasure}!",
        "{friend} gasped. There lay the {treasure.noun}!",
    )
    s.find(treasure, s.friend)
    s.feel(s.friend, HAPPY)


def _hide_again(s: Story, treasure: Item, spot: str) -> None:
    """Put the treasure back to where it was; now two know the secret."""
    s.paragraph()
    s.say(
        "They played with it [all day|until evening]. {friend} was {friend.feeling} now. "
        '"I will tell nobody," said {friend}.',
        '"It is wonderful!" said {friend}, who was {friend.feeling} now. "And I will not tell anyone."',
    )
    s.lay(treasure, spot, "hide")
    s.say(
        "Then they put the {treasure.noun} back {treasure.spot}, and {friend} never told a soul.",
        "Before they left, they hid the {treasure.noun} {treasure.spot} again. Now two of them knew the secret.",
    )
    s.feel(s.hero, HAPPY)


SECRET = Plot(
    "secret",
    tell,
    ("A shared secret is twice as much fun.", "A good friend can keep a secret."),
    places=OUTDOORS + INDOORS,
)

"""Trade: two toys change owners, and each is played with by the one who has it now."""

from stories.frame import end_day, meet
from stories.people import HAPPY
from stories.places import INDOORS, OUTDOORS
from stories.plot import Plot
from stories.story import Story
from stories.things import TOYS
from stories.world import Item


def tell(s: Story) -> None:
    """Tell how the hero and the friend swap two toys, and how each then plays with what was the other's."""
    mine = s.item("mine", TOYS, s.hero)
    theirs = s.item("theirs", TOYS, s.friend)
    _show_toys(s)
    _swap(s, mine, theirs)
    _play(s)


def _show_toys(s: Story) -> None:
    """Let each show a toy, and the hero long for the other one."""
    meet(s)
    s.say(
        "{hero} had {mine.a}, and {friend} had {theirs.a}.",
        "{friend} had brought {theirs.a}. {hero} had only {mine.a}.",
        '"Look at my {theirs}!" said {friend}. "And look at my {mine}!" said {hero}.',
    )
    s.feel(s.hero, ("bored", "jealous", "restless"))
    s.say(
        "{hero} had played with the {mine.noun} every day and was {hero.feeling}.",
        "{hero} looked at the {theirs.noun} for a long time. {hero.He} was {hero.feeling}.",
    )


def _swap(s: Story, mine: Item, theirs: Item) -> None:
    """Agree on the trade, and swap the owners."""
    s.paragraph()
    s.say(
        '"I would love to have {theirs.a}," {hero} {hero.says}. "And I would love to have {mine.a}," said {friend}.',
        '"Your {theirs.noun} is so nice," said {hero}. "I like your {mine.noun} better," said {friend}.',
    )
    s.say(
        '"Shall we trade?" asked {friend}. "Yes!" said {hero}.',
        '"Then let us trade," said {hero}, and {friend} nodded.',
    )
    s.trade(mine, theirs)
    s.say(
        "So {mine.holder} got the {mine.noun}, and {theirs.holder} got the {theirs.noun}.",
        "{hero} gave {friend} the {mine.noun}, and {friend} gave {hero} the {theirs.noun}.",
    )


def _play(s: Story) -> None:
    """Let the new owners play with what they got, and keep it."""
    s.paragraph()
    s.say(
        "{theirs.holder} took the {theirs.noun} and {theirs.play}. {mine.holder} took the {mine.noun} and {mine.play}.",
        "Soon {mine.holder} had the {mine.noun} and {mine.play}. And {theirs.holder}? {theirs.holder.He} took "
        "the {theirs.noun} and {theirs.play}.",
    )
    s.feel(s.hero, HAPPY)
    end_day(s)
    s.say(
        '"Do you want your {mine.noun} back?" asked {mine.holder} the next day. "No, I love my {theirs}," said {hero}.',
        "The next day, they asked each other if they should trade back. "
        "But {hero} kept the {theirs.noun}, and {friend} "
        "kept the {mine.noun}.",
    )


TRADE = Plot(
    "trade",
    tell,
    ("A fair trade makes two people happy.", "{hero} and {friend} both had what they wanted."),
    places=OUTDOORS + INDOORS,
)

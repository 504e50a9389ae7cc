"""Borrowed: what was lent is stained, owned up to, cleaned, and given back."""

from stories.frame import end_day, meet
from stories.people import RELIEVED, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.things import CLOTHS
from stories.world import Event, Item


def tell(s: Story) -> None:
    """Tell how the hero stains what the friend has lent, owns up, cleans it, and gives it back."""
    thing = s.item("thing", CLOTHS, s.friend)
    s.choose("stain", ("mud", "jam", "ink", "green paint", "soot", "berry juice"))
    s.choose("soap", ("soap", "hot water", "a brush", "lemon soap"))
    _borrow(s, thing)
    _stain(s, thing)
    _clean(s, thing)


def _borrow(s: Story, thing: Item) -> None:
    """Let the friend lend the hero a thing for one day."""
    meet(s)
    s.say("{friend} had {thing.a}.", "{friend} had brought {thing.a}.")
    s.say(
        '"May I borrow it?" asked {hero}. "Yes, but bring it back tomorrow," said {friend}.',
        '{hero} liked it very much. "You may have it until tomorrow," said {friend}.',
    )
    s.give(thing, s.hero)
    s.say("{hero} [thanked {friend}|was very happy] and took the {thing.noun} home.")
    end_day(s)


def _stain(s: Story, thing: Item) -> None:
    """Let the hero stain the thing, and tell the friend."""
    s.paragraph()
    s.say(
        "The next morning, {hero} ran and jumped about with the {thing.noun}.",
        "Early the next day, {hero} danced around with the {thing.noun}.",
    )
    s.feel(s.hero, WORRIED)
    s.say(
        "But then {hero} was not careful, and there was {stain} on the {thing}! {hero.He} was {hero.feeling}.",
        "Oh dear! {hero} tripped, and soon the {thing.noun} was full of {stain}. {hero.He} was {hero.feeling}.",
    )
    s.log.append(Event("stain", str(s.hero), str(thing)))
    s.say(
        '"Shall I hide it?" {hero.he} thought. "No, that would be wrong."',
        '"I could say that I lost it," {hero} thought. But that was not true.',
    )
    s.say(
        '{hero} went to {friend}. "I got {stain} on your {thing.noun}. I am sorry," said {hero}.',
        'Then {hero} told {friend}, "I am sorry. There is {stain} on your {thing.noun}."',
    )


def _clean(s: Story, thing: Item) -> None:
    """Wash the thing, and give it back to its owner."""
    s.paragraph()
    s.say(
        '"Then we will wash it," said {friend}. They took {soap} and rubbed until the {stain} was gone.',
        "Then {hero} washed the {thing.noun} with {soap}. It took an hour, but the {stain} came out.",
    )
    s.log.append(Event("clean", str(s.hero), str(thing)))
    s.give(thing, thing.owner)
    s.say(
        "When it was dry, {hero} gave the clean {thing.noun} back to {thing.holder}.",
        "The sun dried it, and {thing.holder} got the {thing} back, as good as new.",
    )
    s.feel(s.hero, RELIEVED)
    s.say(
        '"You told me the truth," said {thing.owner}. "You may borrow my things again."',
        '"Thank you for being honest," said {thing.owner}.',
    )


BORROWED = Plot(
    "borrowed",
    tell,
    ("Take good care of what is not yours.", "{hero} was glad to have told the truth."),
    barred_traits=("careful",),
)

"""Favor: who was given half of a lunch helps when the giver is in trouble."""

from dataclasses import dataclass

from stories.frame import end_day, meet
from stories.people import SAD, THANKFUL, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.things import FOODS
from stories.world import Event, Item


@dataclass(frozen=True)
class Trouble:
    """A small trouble of the hero's and how a friend ends it."""

    happens: str
    rescue: str


TROUBLES = (
    Trouble("{hero} got stuck in deep mud", "{friend} pulled {hero} out with a long stick"),
    Trouble("{hero}'s cap fell into the water", "{friend} fished the cap out with a branch"),
    Trouble("{hero} could not lift a heavy basket", "{friend} took one handle, and they lifted it together"),
    Trouble("{hero} hurt {hero.his} knee and could not walk", "{friend} carried {hero} all the way home"),
    Trouble("{hero} could not find the way home in the fog", "{friend} took a lantern and showed {hero} the way"),
    Trouble("{hero} could not open the rusty gate", "{friend} pushed with {hero} until the gate was open"),
    Trouble("{hero}'s sleeve got caught on a thorn bush", "{friend} set the sleeve free, thorn by thorn"),
    Trouble("{hero} sat high up in a tree and could not get down", "{friend} brought a ladder and held it"),
)


def tell(s: Story) -> None:
    """Tell how the hero shares food with the friend, and how the same friend later helps and says why."""
    trouble = s.rng.choice(TROUBLES)
    food = s.item("food", FOODS, s.hero)
    _share_lunch(s, food)
    _get_into_trouble(s, trouble)
    _say_why(s)


def _share_lunch(s: Story, food: Item) -> None:
    """Let the hero give the hungry friend half of the lunch."""
    meet(s)
    s.feel(s.friend, SAD)
    s.say(
        "{friend} looked {friend.feeling}. There was no lunch in the bag.",
        '"I am so hungry, and I have no lunch," said {friend}, who was very {friend.feeling}.',
    )
    s.say(
        '{hero} had {food.a}. "We can share," {hero.he} {hero.says}.',
        "{hero} looked at {hero.his} own lunch. It was {food.a}.",
    )
    s.share(food, s.friend)
    s.feel(s.friend, THANKFUL)
    s.say(
        "{hero} gave {friend} half of the {food.noun}. {friend} was {friend.feeling}.",
        "{hero.He} broke the {food.noun} in two and gave {friend} the bigger half. It made {friend} {friend.feeling}.",
    )
    end_day(s)


def _get_into_trouble(s: Story, trouble: Trouble) -> None:
    """Another day: the hero is in trouble, and the friend ends it."""
    s.paragraph()
    s.feel(s.hero, WORRIED)
    s.say("[Two days later|The next day|A week later], " + trouble.happens + ". {hero.He} was {hero.feeling}.")
    s.say('"Help! Is anybody there?" {hero.he} called.', '"What shall I do?" cried {hero}.', '"Oh dear!" cried {hero}.')
    s.say("{friend} [heard it and came at once|came running]. " + trouble.rescue + ".")
    s.log.append(Event("help", str(s.friend), str(s.hero)))
    s.feel(s.hero, THANKFUL)


def _say_why(s: Story) -> None:
    """Let the friend recall the lunch that was shared."""
    s.paragraph()
    s.say(
        '"[Thank you|You saved me]!" said {hero}. "You gave me half of your {food.noun}," said {friend}. '
        '"Now I could help you."',
        '"Why are you so good to me?" asked {hero}. "You shared your {food} with me," said {friend}. '
        '"I did not forget it."',
    )


FAVOR = Plot(
    "favor",
    tell,
    (
        "A kindness comes back to you.",
        "{hero} was glad to have shared the {food.noun}.",
        "Those who share have friends.",
    ),
)

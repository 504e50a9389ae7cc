"""Promise: a duty is forgotten over a toy, and done before play from then on."""

from dataclasses import dataclass

from stories.frame import end_day, meet
from stories.people import HAPPY, PROUD, SAD, SORRY
from stories.places import INDOORS, OUTDOORS
from stories.plot import Plot
from stories.story import Story
from stories.things import TOYS
from stories.world import Event


@dataclass(frozen=True)
class Duty:
    """Something to look after for a friend: what is promised, what shows that it was forgotten, what comes right."""

    what: str
    task: str
    done: str
    bad: str
    good: str


DUTIES = (
    Duty("rose", "water my rose", "watered the rose", "the leaves hung down", "the rose had a new bud"),
    Duty(
        "goldfish",
        "feed my goldfish",
        "fed the goldfish",
        "the goldfish was hungry",
        "the goldfish swam around happily",
    ),
    Duty("hen", "feed my hen", "fed the hen", "the hen was thin and cross", "the hen laid an egg"),
    Duty("pony", "brush my pony", "brushed the pony", "the pony was full of mud", "the pony shone like silver"),
    Duty(
        "bean plant", "water my bean plant", "watered the bean plant", "the plant was dry", "there were ten fat beans"
    ),
    Duty("duck", "fill my duck's tub", "filled the duck's tub", "the tub was dry", "the duck splashed and quacked"),
    Duty("bird cage", "clean the bird cage", "cleaned the cage", "the cage was dirty", "the bird sang in a clean cage"),
)


def tell(s: Story) -> None:
    """Tell how the hero forgets a promise over play, is found out, says sorry, and keeps it from then on."""
    duty = s.rng.choice(DUTIES)
    s.cast["duty"] = duty
    s.item("plaything", TOYS, s.hero)
    _promise_it(s)
    _forget_it(s, duty)
    _keep_it(s, duty)


def _promise_it(s: Story) -> None:
    """Let the hero promise to look after something of the friend's."""
    meet(s)
    s.say(
        '"I must go away for [three|four|five] days," said {friend}. "Will you {duty.task}?"',
        '"Tomorrow I [go|travel] to my grandmother," said {friend}. "Can you {duty.task} while I am gone?"',
    )
    s.say('"Yes, I promise," {hero} {hero.says}.', '"I will do it every day. I promise!" said {hero}.')
    end_day(s)


def _forget_it(s: Story, duty: Duty) -> None:
    """Let the hero play instead, and the friend see what came of it."""
    s.paragraph()
    s.say(
        "But {hero} had {plaything.a}. Again and again, {hero.he} {plaything.play}, and {hero.he} forgot all about the "
        "{duty.what}.",
        "The next day, {hero} got {plaything.a}. {hero.He} {plaything.play} and did not think of the {duty.what} "
        "at all.",
    )
    s.log.append(Event("forget", str(s.hero), duty.what))
    s.feel(s.friend, SAD)
    s.say(
        'When {friend} came back, {duty.bad}. "You forgot your promise," said {friend}, who was {friend.feeling}.',
        'Then {friend} came home and saw that {duty.bad}. {friend} was {friend.feeling}. "But you promised!"',
    )
    s.feel(s.hero, SORRY)
    s.say(
        '{hero} was {hero.feeling}. "I played with my {plaything.noun} and forgot. I am sorry," {hero.he} said.',
        '"I am sorry," said {hero}. "I only thought of my {plaything.noun}." {hero.He} was very {hero.feeling}.',
    )


def _keep_it(s: Story, duty: Duty) -> None:
    """From then on, the hero does the duty first."""
    s.paragraph()
    s.feel(s.friend, HAPPY)
    s.say(
        "{hero} put the {plaything.noun} away. From then on, {hero.he} {duty.done} every day, and soon {duty.good}.",
        "After that, {hero} {duty.done} each morning before {hero.he} took out the {plaything.noun}. "
        "In the end, {duty.good}.",
    )
    s.log.append(Event("keep promise", str(s.hero), duty.what))
    s.say('"Now I can trust you again," said {friend}.', "{friend} was {friend.feeling} again and forgave {hero}.")
    s.feel(s.hero, PROUD)


PROMISE = Plot(
    "promise",
    tell,
    ("A promise is a promise.", "{hero} never forgot a promise again.", "First the work, then the play."),
    places=OUTDOORS + INDOORS,
)

"""Fear: what was dared together with a friend is dared alone later, in the same way."""

from dataclasses import dataclass

from stories.frame import end_day, meet
from stories.language import with_article
from stories.people import PROUD, SCARED
from stories.plot import Plot
from stories.story import Story
from stories.world import Event


@dataclass(frozen=True)
class Fear:
    """Something to be afraid of, and what one does in spite of it."""

    what: str
    act: str
    acted: str


FEARS = (
    Fear("long bridge", "cross it", "crossed it"),
    Fear("dark tunnel", "walk through it", "walked through it"),
    Fear("high slide", "go down it", "went down it"),
    Fear("deep cave", "go into it", "went into it"),
    Fear("tall ladder", "climb it", "climbed it"),
    Fear("narrow log over a brook", "walk over it", "walked over it"),
    Fear("big barking dog", "walk past it", "walked past it"),
    Fear("loud goose", "walk past it", "walked past it"),
    Fear("dark shed", "go into it", "went into it"),
    Fear("rope swing", "ride on it", "rode on it"),
)


@dataclass(frozen=True)
class Courage:
    """A way to be brave: what the friend proposes, what they do together, and what the hero does later, alone."""

    advice: str
    together: str
    alone: str


COURAGES = (
    Courage("Take my paw", "{hero} took {friend}'s paw", "{hero} thought of {friend}'s paw"),
    Courage("Let us count to ten", "they counted to ten", "{hero} counted to ten again"),
    Courage("Let us sing", "they sang a loud song", "{hero} sang the same loud song"),
    Courage("Look only at me", "{hero} looked only at {friend}", "{hero} pretended to look at {friend}"),
    Courage("Breathe in and out", "they took three deep breaths", "{hero} took three deep breaths again"),
    Courage("Think of something funny", "they thought of a cow in boots", "{hero} thought of the cow in boots again"),
)


def tell(s: Story) -> None:
    """Tell how the hero does something scary with the friend's help, and later alone in the same way."""
    courage = s.rng.choice(COURAGES)
    danger = s.rng.choice(FEARS)
    s.cast.update({"danger": danger, "a_danger": with_article(danger.what), "courage": courage})
    _be_afraid(s, danger)
    _dare_together(s, danger, courage)
    _dare_alone(s, danger, courage)


def _be_afraid(s: Story, danger: Fear) -> None:
    """Come to something scary: the friend dares, the hero does not."""
    meet(s)
    s.feel(s.hero, SCARED)
    s.say(
        "Not far away there was {a_danger}. {friend} [ran ahead and|simply] {danger.acted}, but {hero} stood still.",
        "Then they came to {a_danger}. {friend} {danger.acted} and laughed, but {hero} did not want to {danger.act}.",
    )
    s.say(
        '"I am {hero.feeling}," said {hero}. "I cannot {danger.act}."',
        '"What if something bad happens?" asked {hero}. {hero.He} was {hero.feeling}, and {hero.his} knees shook.',
    )
    s.log.append(Event("fear", str(s.hero), danger.what))


def _dare_together(s: Story, danger: Fear, courage: Courage) -> None:
    """Dare it together, with the friend's way to be brave."""
    s.paragraph()
    s.say(
        'Then {friend} came back and did not laugh. "{courage.advice}, and we will do it together," said {friend}.',
        '"I was {hero.feeling} too, the first time," said {friend}. "{courage.advice}. That helps."',
    )
    s.say(
        "So " + courage.together + ", and step by step, they {danger.acted}.",
        "So " + courage.together + ". And they {danger.acted}!",
    )
    s.log.append(Event("dare together", str(s.hero), danger.what))
    s.say(
        '"We did it!" cried {hero}.',
        '"That was not so bad," said {hero}.',
        "{hero}'s heart beat fast, but {hero.he} smiled.",
    )
    end_day(s)


def _dare_alone(s: Story, danger: Fear, courage: Courage) -> None:
    """Another day: the hero is alone, and remembers how to be brave."""
    s.paragraph()
    s.say(
        "The next day, {hero} came to the {danger.what} again, and this time {friend} was not there. "
        + courage.alone
        + " and {danger.acted}, all alone.",
        "A few days later, {hero} stood before the {danger.what} without {friend}. "
        + courage.alone
        + ". Then {hero} {danger.acted} all by {hero.himself}!",
    )
    s.log.append(Event("dare alone", str(s.hero), danger.what))
    s.feel(s.hero, PROUD)


FEAR = Plot(
    "fear",
    tell,
    ("To be brave is to try although you are scared.", "{hero} was bigger than {hero.his} fear."),
    barred_traits=("brave", "lively"),
)

"""Little one: a lost young animal lives where its own words say, and is brought there."""

from dataclasses import dataclass

from stories.frame import end_day
from stories.language import with_article
from stories.people import PROUD, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.world import Event


@dataclass(frozen=True)
class Baby:
    """A young animal that has lost its way: its cry, where it lives, and what it can say about its home."""

    young: str
    cry: str
    home: str
    clue: str


BABIES = (
    Baby("duckling", "Peep, peep", "by the duck pond", "There is water all around my home"),
    Baby("lamb", "Baa, baa", "on the green hill", "From my home I can see the whole valley"),
    Baby("chick", "Cheep, cheep", "in the henhouse", "In my home there are eggs and straw"),
    Baby("piglet", "Oink, oink", "in the pig pen", "At home we all roll in the mud"),
    Baby("calf", "Moo, moo", "in the cow shed", "At my home there is always fresh milk"),
    Baby("baby owl", "Hoo, hoo", "in the hollow oak", "My home is high up, with leaves around it"),
    Baby("foal", "Neigh, neigh", "in the stable", "At my home there are saddles on the wall"),
    Baby("baby seal", "Arf, arf", "on the rocks by the sea", "My home is salty, with big waves"),
)


def tell(s: Story) -> None:
    """Tell how the hero brings a young animal to the home that fits what it says, and is welcome there."""
    baby, wrong = s.rng.sample(BABIES, 2)
    s.cast.update({"baby": baby, "a_young": with_article(baby.young), "wrong": wrong.home})
    _meet_the_little_one(s, baby)
    _ask_the_way(s)
    _come_home(s, baby)


def _meet_the_little_one(s: Story, baby: Baby) -> None:
    """Let the hero hear the cry of a young animal that is lost."""
    s.paragraph()
    s.say(
        '{place.at}, {hero} heard a thin voice. "{baby.cry}!" It was {a_young}, all alone.',
        '"{baby.cry}!" Who was that? {place.at} sat {a_young} and cried.',
    )
    s.log.append(Event("get lost", baby.young, where=baby.home))
    s.say(
        '"I cannot find my mother," said the {baby.young}.', '"I am lost," said the {baby.young}. "Where is my mother?"'
    )
    s.feel(s.hero, WORRIED)
    s.say(
        'It made {hero} {hero.feeling}. "I will help you," {hero.he} {hero.says}.',
        '{hero} was {hero.feeling}. "Do not cry, little one. We will find your mother."',
    )


def _ask_the_way(s: Story) -> None:
    """Go to a wrong home first, then ask what the right one is like."""
    s.paragraph()
    s.say(
        "They went to look {wrong}. But nobody knew the {baby.young} there.",
        '"Do you live {wrong}?" asked {hero}. They went to look, but it was not the right home.',
    )
    s.say(
        '"What is your home like?" asked {hero}. "{baby.clue}," said the {baby.young}.',
        'The {baby.young} thought hard. "{baby.clue}," it said.',
    )
    s.say('"Then you live {baby.home}!" {hero} {hero.says}.', '"Now I know!" cried {hero}. "You live {baby.home}!"')


def _come_home(s: Story, baby: Baby) -> None:
    """Find the mother in the home that fits, and be welcome there."""
    s.paragraph()
    s.say(
        "And there, {baby.home}, was the mother. The {baby.young} was not lost any more.",
        "They [ran|hurried] to look, and {baby.home} the mother was waiting. The {baby.young} got a kiss.",
    )
    s.log.append(Event("come home", baby.young, where=baby.home))
    s.say(
        '"Thank you, {hero}. Come and visit us," said the mother.',
        '"You are always welcome here," the mother told {hero}.',
    )
    end_day(s)
    s.say(
        "The next day, {hero} went to play with the {baby.young} {baby.home}.",
        "From then on, {hero} often had a friend to visit {baby.home}.",
    )
    s.feel(s.hero, PROUD)


LITTLE_ONE = Plot(
    "little one",
    tell,
    ("Whoever helps others finds new friends.", "{hero} would never forget the little {baby.young}."),
)

"""Lie: an animal is blamed for some mischief, a clue tells the truth, and the hero makes it good."""

from dataclasses import dataclass

from stories.people import RELIEVED, SCARED, SORRY
from stories.places import HOME
from stories.plot import Plot
from stories.story import Story
from stories.world import Event


@dataclass(frozen=True)
class Mischief:
    """Something the hero did to a thing of the grown-up's, and what gives it away."""

    deed: str
    blame: str
    clue: str
    amends: str


MISCHIEFS = (
    Mischief(
        "On the table was a cake that {elder} had made. {hero} ate one bite, then one more, until it was all gone",
        "ate the cake",
        "there were crumbs all over {hero.his} hands",
        "baked a new cake",
    ),
    Mischief(
        "{hero} jumped about and knocked over {elder}'s best vase. It broke into pieces",
        "broke the vase",
        "one piece of the vase was stuck to {hero.his} sleeve",
        "glued the vase together",
    ),
    Mischief(
        "{hero} found a pot of blue paint and painted a big fish on the wall",
        "painted the wall",
        "there was blue paint on {hero.his} nose",
        "scrubbed the wall until it was white",
    ),
    Mischief(
        "There was a new jar of honey. {hero} licked the spoon again and again, until the jar was empty",
        "ate the honey",
        "the honey spoon was still stuck to {hero.his} hand",
        "went to the beekeeper for new honey",
    ),
    Mischief(
        "{hero} cut a hole in the curtain to make a flag",
        "tore the curtain",
        "the flag stuck out of {hero.his} pocket",
        "sewed the curtain up again",
    ),
    Mischief(
        "{hero} wanted to dress up and spilled {elder}'s flour all over the floor",
        "spilled the flour",
        "white footprints went from the flour right to {hero.his} feet",
        "swept the floor",
    ),
)


def tell(s: Story) -> None:
    """Tell how the hero blames an animal for some mischief, is found out by a clue, and makes it good."""
    mischief = s.rng.choice(MISCHIEFS)
    s.cast.update({"blame": mischief.blame, "amends": mischief.amends})
    s.choose("blamed", ("goat", "goose", "dog", "parrot", "pony", "pig"))
    _do_mischief(s, mischief)
    _be_found_out(s, mischief)
    _make_it_good(s)


def _do_mischief(s: Story, mischief: Mischief) -> None:
    """Let the hero do the mischief and blame the animal."""
    s.paragraph()
    s.say("Nobody was there.", "{elder} was busy outside.", "It was very quiet there.")
    s.say(mischief.deed + ".")
    s.say(
        'Then {elder} came in and asked, "Who did this?"', '"Oh no! What has happened here?" asked {elder} at the door.'
    )
    s.feel(s.hero, SCARED)
    s.say(
        '{hero} was {hero.feeling}. "It was the {blamed}! The {blamed} {blame}," {hero.he} said. It was a lie.',
        '"The {blamed} {blame}," said {hero}, but that was not true. {hero.He} was {hero.feeling}.',
    )
    s.log.append(Event("lie", str(s.hero), mischief.blame))


def _be_found_out(s: Story, mischief: Mischief) -> None:
    """Let the clue give the hero away."""
    s.paragraph()
    s.say(
        "{elder} looked at {hero}, and " + mischief.clue + '. "Was it really the {blamed}?"',
        "But " + mischief.clue + '. "The {blamed} is asleep outside," said {elder}.',
    )
    s.log.append(Event("discover", str(s.elder), mischief.blame))
    s.feel(s.hero, SORRY)
    s.say(
        '{hero} turned red. "No, it was me. I {blame}, and I told a lie. I am sorry," {hero.he} said.',
        '{hero} began to cry. "It was not the {blamed}. I {blame}. I am so sorry!"',
    )


def _make_it_good(s: Story) -> None:
    """Undo the mischief, and say sorry to the animal that was blamed."""
    s.paragraph()
    s.say(
        '"Thank you for telling the truth," said {elder}. Together they {amends}.',
        '{elder} was not angry for long. "We all make mistakes, but we must not lie." Then they {amends}.',
    )
    s.say("And {hero} said sorry to the {blamed}, too.", "The {blamed} got a [carrot|pat|kiss] from {hero}.")
    s.log.append(Event("apologize", str(s.hero), str(s.elder)))
    s.feel(s.hero, RELIEVED)


LIE = Plot(
    "lie",
    tell,
    (
        "{hero} never told such a lie again.",
        "It is always better to tell the truth.",
        "The truth comes out in the end.",
    ),
    places=HOME,
)

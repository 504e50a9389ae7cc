"""Broken: a toy is mended with the tool that fits its damage, and works again."""

from dataclasses import dataclass

from stories.frame import meet
from stories.people import HAPPY, SAD
from stories.places import INDOORS, OUTDOORS
from stories.plot import Plot
from stories.story import Story
from stories.things import ItemKind, toy
from stories.world import Character, Item


@dataclass(frozen=True)
class Damage:
    """How a toy breaks, what it cannot do then, how it is mended, and what it does after that."""

    kind: ItemKind
    breaks: str
    work: str
    tool: str
    fix: str
    works: str


DAMAGES = (
    Damage(toy("sailboat", ""), "the mast snapped", "sail", "some glue", "stuck the mast back on", "sailed"),
    Damage(toy("train", ""), "a wheel came off", "roll", "a little hammer", "put the wheel back on", "rolled"),
    Damage(toy("car", ""), "a wheel fell off", "drive", "a screwdriver", "screwed the wheel back on", "drove"),
    Damage(toy("kite", ""), "the paper tore", "fly", "some tape", "closed the tear", "flew"),
    Damage(toy("clock", ""), "a spring popped out", "tick", "a tiny screwdriver", "pushed the spring in", "ticked"),
    Damage(toy("music box", ""), "the handle broke off", "play", "some glue", "fixed the handle", "played"),
    Damage(toy("robot", ""), "a screw fell out", "walk", "a screwdriver", "turned the screw back in", "walked"),
    Damage(toy("puppet", ""), "a string snapped", "dance", "some new string", "tied it to the arm", "danced"),
    Damage(toy("windmill", ""), "the arms fell off", "spin", "a long pin", "pinned the arms back on", "spun"),
    Damage(toy("lamp", ""), "the bulb broke", "shine", "a new bulb", "put the bulb in", "shone"),
    Damage(toy("cuckoo clock", ""), "the bird's wing broke", "sing", "some glue", "mended the wing", "sang"),
)


def tell(s: Story) -> None:
    """Tell how a thing of the hero's breaks, is mended with the right tool, and works again."""
    damage = s.rng.choice(DAMAGES)
    thing = s.item("thing", (damage.kind,), s.hero)
    breaker = s.rng.choice([s.hero, s.friend])
    helper = s.rng.choice([s.friend, s.elder])
    s.cast.update({"damage": damage, "helper": helper})
    _break_it(s, thing, breaker)
    _mend_it(s, thing, helper)
    _try_it(s)


def _break_it(s: Story, thing: Item, breaker: Character) -> None:
    """Show what the thing can do, and let the hero or the friend break it."""
    meet(s)
    s.say(
        "{hero} had brought {thing.a}. It could {damage.work} very well.",
        "{hero} had {thing.a} and showed how it could {damage.work}.",
        '"Look how well it can {damage.work}!" said {hero}, who had {thing.a}.',
    )
    s.give(thing, breaker)
    s.break_item(thing)
    if breaker is s.friend:
        s.say(
            '"May I hold it?" asked {friend}. But {friend} dropped it, and {damage.breaks}. "I am so sorry!"',
            "{friend} took it, [tripped|slipped] and fell down. Crack! At once {damage.breaks}.",
        )
    else:
        s.say(
            "But {hero} [tripped|slipped] and fell down with it. Crack! At once {damage.breaks}.",
            "But then {hero} dropped it, and {damage.breaks}.",
        )


def _mend_it(s: Story, thing: Item, helper: Character) -> None:
    """Let the helper mend with the right tool what cannot do its work now."""
    s.paragraph()
    s.feel(s.hero, SAD)
    s.say(
        "Now the {thing.noun} would not {damage.work} any more. {hero} was {hero.feeling}.",
        '"It will not {damage.work} now," said {hero}. {hero.He} was {hero.feeling}.',
    )
    if helper is s.friend:
        s.say(
            '"Do not cry," said {friend}. "I can mend it."', "{friend} ran home to get [some tools|what they needed]."
        )
    else:
        s.say(
            '"{elder} can mend it," said {friend}, and they took it to {elder}.', "They [ran|went] to {elder} for help."
        )
    s.mend(thing, helper)
    s.say(
        "{helper} took {damage.tool} and {damage.fix}.",
        'With {damage.tool}, {helper} [carefully|slowly] {damage.fix}. "There!"',
    )
    s.give(thing, thing.owner)


def _try_it(s: Story) -> None:
    """Show that the thing can do again what it could before."""
    s.paragraph()
    s.feel(s.hero, HAPPY)
    s.say(
        "{thing.holder} tried it out. The {thing.noun} {damage.works} again, just as before!",
        '"Try it now," said {helper}. And the {thing} {damage.works} as well as ever!',
    )
    s.say('"Thank you, {helper}!" said {hero}.', "{hero} gave {helper} a big hug.")


BROKEN = Plot(
    "broken",
    tell,
    ("What is broken can often be mended.", "With the right tool and a bit of help, {hero} had lost nothing."),
    places=OUTDOORS + INDOORS,
    barred_traits=("careful",),
)

"""The story being told: a world with a cast, the events that change it, and the text so far.

Plots call the events (`lay`, `find`, `give`, `feel`, ...) to change the world and `say` to tell about it. Sentences
read the state at the moment they are said: after `give(ball, friend)`, `{ball.holder}` is the friend.
"""

import random
from dataclasses import dataclass, field

from stories.language import fill_template
from stories.people import ANIMAL_KINDS, ANIMALS, CHILD_KINDS, CHILDREN, HE, SHE, TRAITS, Pronouns, Trait
from stories.places import TIMES, Place
from stories.side_events import Side
from stories.things import ItemKind
from stories.world import Character, Event, Item


@dataclass
class Story:
    """The world of one story and the text told about it so far."""

    rng: random.Random
    hero: Character
    friend: Character
    elder: Character
    cast: dict[str, object]
    items: dict[str, Item] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    paragraphs: list[list[str]] = field(default_factory=list)
    pending: Side | None = None

    # -- telling

    def paragraph(self) -> None:
        """Start a new paragraph."""
        self.paragraphs.append([])

    def say(self, *paraphrases: str) -> None:
        """Tell one of the paraphrases, with its gaps filled from the state as it is now."""
        template = self.rng.choice(paraphrases)
        self.paragraphs[-1].append(fill_template(template, self.cast, self.rng))

    @property
    def text(self) -> str:
        """The story as told so far, with an empty line between paragraphs."""
        return "\n\n".join(" ".join(sentences) for sentences in self.paragraphs)

    # -- casting

    def choose(self, role: str, options: tuple[str, ...]) -> str:
        """Let a phrase play a role in the templates that follow."""
        phrase = self.rng.choice(options)
        self.cast[role] = phrase
        return phrase

    def item(self, role: str, kinds: tuple[ItemKind, ...], owner: Character) -> Item:
        """Bring a thing into the world, in the hands of its owner. No two things of a story share a noun."""
        taken = [item.noun for item in self.items.values()]
        kind = self.rng.choice([kind for kind in kinds if kind.noun not in taken])
        item = Item(self.rng.choice(kind.adjectives), kind.noun, kind.play, owner, owner)
        self.items[role] = item
        self.cast[role] = item
        return item

    # -- events

    def feel(self, who: Character, feelings: tuple[str, ...]) -> None:
        """Change how somebody feels, and remember how they felt before."""
        who.earlier, who.feeling = who.feeling, self.rng.choice(feelings)

    def lay(self, item: Item, spot: str, action: str) -> None:
        """Let a thing lie somewhere: it was lost, hidden, or got stuck there."""
        self.log.append(Event(action, str(item.holder), str(item), spot))
        item.holder, item.spot = None, spot

    def find(self, item: Item, finder: Character) -> None:
        """Let somebody pick a thing up from where it lies."""
        self.log.append(Event("find", str(finder), str(item), item.spot))
        item.holder = finder

    def give(self, item: Item, receiver: Character, *, to_keep: bool = False) -> None:
        """Hand a thing over, either for a while or for good."""
        self.log.append(Event("give", str(item.holder), str(item), str(receiver)))
        item.holder = receiver
        if to_keep:
            item.owner = receiver

    def share(self, item: Item, other: Character) -> None:
        """Let the holder give somebody half of a thing."""
        self.log.append(Event("share", str(item.holder), str(item), str(other)))

    def trade(self, first: Item, second: Item) -> None:
        """Let the owners of two things swap them for good."""
        one, other = first.owner, second.owner
        self.give(first, other, to_keep=True)
        self.give(second, one, to_keep=True)

    def break_item(self, item: Item) -> None:
        """Let a thing break."""
        self.log.append(Event("break", str(item.holder), str(item)))
        item.broken = True

    def mend(self, item: Item, helper: Character) -> None:
        """Let somebody mend a broken thing."""
        self.log.append(Event("mend", str(helper), str(item)))
        item.broken = False

    def soak(self, who: Character) -> None:
        """Let somebody get wet."""
        self.log.append(Event("soak", str(who)))
        who.wet = True

    def dry(self, who: Character) -> None:
        """Let somebody get dry again."""
        self.log.append(Event("dry", str(who)))
        who.wet = False


def new_story(rng: random.Random, place: Place, weathers: tuple[str, ...], barred_traits: tuple[str, ...]) -> Story:
    """Set up a world in which nothing has happened yet.

    The hero is a child and the friend an animal, so that a name alone says who somebody is. The hero differs in gender
    from the friend and from the grown-up, so that a pronoun for the wrong one is noticed.
    """
    own, other = rng.choice([(HE, SHE), (SHE, HE)])

    def cast_one(names: tuple[str, ...], kinds: tuple[str, ...], pronouns: Pronouns, traits: list[Trait]) -> Character:
        trait = rng.choice(traits)
        return Character(rng.choice(names), rng.choice(kinds), pronouns, trait, rng.choice(trait.habits), place)

    allowed = [trait for trait in TRAITS if trait.word not in barred_traits]
    hero = cast_one(tuple(CHILDREN[own]), CHILD_KINDS[own], own, allowed)
    friend = cast_one(ANIMALS[other], ANIMAL_KINDS, other, [trait for trait in TRAITS if trait is not hero.trait])
    elder = Character(CHILDREN[own][hero.name], "grown-up", other, TRAITS[0], "", place)
    cast: dict[str, object] = {"hero": hero, "friend": friend, "elder": elder, "place": place}
    story = Story(rng, hero, friend, elder, cast)
    story.choose("weather", weathers)
    story.choose("time", TIMES)
    return story

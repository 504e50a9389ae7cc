"""The state of a story at one moment: its characters, its things, and the events so far."""

from dataclasses import dataclass

from stories.language import with_article
from stories.people import Pronouns, Trait
from stories.places import Place


@dataclass(eq=False)
class Character:
    """Somebody in the story: who they are (fixed) and how and where they are (changed by events)."""

    name: str
    kind: str
    pronouns: Pronouns
    trait: Trait
    habit: str
    place: Place
    feeling: str = ""
    earlier: str = ""
    wet: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def he(self) -> str:
        """Subject pronoun."""
        return self.pronouns.he

    @property
    def He(self) -> str:  # noqa: N802 - spelled the way it appears in the sentence
        """Subject pronoun at the start of a sentence."""
        return self.pronouns.he.capitalize()

    @property
    def him(self) -> str:
        """Object pronoun."""
        return self.pronouns.him

    @property
    def his(self) -> str:
        """Possessive pronoun before a noun."""
        return self.pronouns.his

    @property
    def himself(self) -> str:
        """Reflexive pronoun."""
        return self.pronouns.himself

    @property
    def says(self) -> str:
        """The verb of saying that goes with the trait."""
        return self.trait.says

    @property
    def a_kind(self) -> str:
        """What somebody who has just met them would call them: "a shy little girl"."""
        return with_article(f"{self.trait.word} {self.kind}")


@dataclass(eq=False)
class Item:
    """A thing in the story: what it is (fixed), and whose, where and how it is (changed by events)."""

    adjective: str
    noun: str
    play: str
    owner: Character
    holder: Character | None
    spot: str = ""
    broken: bool = False

    def __str__(self) -> str:
        return f"{self.adjective} {self.noun}"

    @property
    def a(self) -> str:
        """The thing when it is first mentioned: "an old key"."""
        return with_article(str(self))


@dataclass(frozen=True)
class Event:
    """One thing that happened, in the order of `Story.log`."""

    action: str
    who: str
    what: str = ""
    where: str = ""

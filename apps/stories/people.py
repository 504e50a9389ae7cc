"""The characters: pronouns, names, kinds, traits, neighbors, and the words for how somebody feels."""

from dataclasses import dataclass

from stories.language import words


@dataclass(frozen=True)
class Pronouns:
    """The forms of one third-person pronoun."""

    he: str
    him: str
    his: str
    himself: str


HE = Pronouns("he", "him", "his", "himself")
SHE = Pronouns("she", "her", "her", "herself")


@dataclass(frozen=True)
class Trait:
    """What somebody is like: the adjective, the habits it shows in, and the way of talking that goes with it."""

    word: str
    habits: tuple[str, ...]
    says: str = "said"


# Each child lives with one grown-up, of the other gender.
FAMILIES = {
    HE: {"Mama": words("Tom, Ben, Leo, Max"), "Grandma": words("Noah, Omar, Ravi")},
    SHE: {"Papa": words("Lily, Anna, Mia, Zoe"), "Grandpa": words("Lucy, Amina, Rosie")},
}
CHILDREN = {own: {name: elder for elder, names in FAMILIES[own].items() for name in names} for own in (HE, SHE)}
ELDERS = {HE: tuple(FAMILIES[SHE]), SHE: tuple(FAMILIES[HE])}
ANIMALS = {HE: words("Bruno, Pip, Rusty, Biscuit, Fuzz"), SHE: words("Dot, Willow, Tilly, Daisy, Nutmeg")}
ANIMAL_KINDS = words("rabbit, bear, fox, mouse, hedgehog, squirrel, kitten, puppy, mole, badger, raccoon, hamster")
CHILD_KINDS = {HE: ("boy", "little boy", "young boy"), SHE: ("girl", "little girl", "young girl")}
NEIGHBORS = words("baker, farmer, miller, teacher, doctor, gardener, shoemaker, fisherman")

TRAITS = (
    Trait("kind", ("always had time for others", "liked to help"), "said kindly"),
    Trait("brave", ("was not afraid of the dark", "was the first to try new things")),
    Trait("shy", ("did not talk much to new people", "often hid behind a tree when visitors came"), "whispered"),
    Trait("curious", ("asked questions all day long", "wanted to know how everything worked")),
    Trait("clever", ("liked to solve puzzles", "knew a lot of riddles")),
    Trait("cheerful", ("laughed at almost anything", "woke up with a smile each day"), "said with a laugh"),
    Trait("gentle", ("never even stepped on an ant", "talked to the flowers"), "said softly"),
    Trait("quiet", ("liked to sit and watch the clouds", "could hear the grass grow"), "said softly"),
    Trait("playful", ("could turn anything into a game", "knew a hundred games"), "said with a grin"),
    Trait("careful", ("always looked twice", "never ran on wet stones")),
    Trait("silly", ("told jokes to the ducks", "liked to walk backward"), "said with a giggle"),
    Trait("busy", ("had a new plan every day", "could not sit still")),
    Trait("patient", ("could wait for a long time", "never pushed in line"), "said calmly"),
    Trait("friendly", ("said hello to everyone", "had friends in every street"), "said warmly"),
    Trait("dreamy", ("made up stories about the moon", "liked to look at the stars"), "said softly"),
    Trait("stubborn", ("did not like to give up", "always wanted one more turn"), "said firmly"),
    Trait("polite", ("always said please and thank you", "never forgot to say good morning"), "said politely"),
    Trait("lively", ("liked to hop, skip and jump", "ran when others walked"), "said with a grin"),
)

SAD = words("sad, upset, unhappy")
WORRIED = words("worried, upset, nervous")
SCARED = words("scared, afraid, frightened")
SORRY = words("sorry, ashamed")
COLD = words("cold, miserable")
HAPPY = words("happy, glad, cheerful, joyful")
PROUD = words("proud, happy, pleased")
THANKFUL = words("thankful, happy, grateful")
RELIEVED = words("relieved, glad, calm")

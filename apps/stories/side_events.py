"""Side events: something small before the plot begins, and what comes of it at the end of that day.

The plot lies between the two, so a reader has to remember the side event for a while. `frame.py` says when each half
is told, and picks the words in `SIDE_WORDS` and the keepsake, creature and flowers that the templates name.
"""

from dataclasses import dataclass

from stories.language import words
from stories.people import NEIGHBORS

SUPPERS = words("pancakes, noodles, pumpkin soup, potato pie, fish, rice and beans, carrot stew, dumplings, corn bread")
SONGS = words("the moon, a sleepy whale, ten little frogs, the wind, a dancing goat, the sea, an elephant, a lost sock")
FLOWERS = words("daisies, poppies, tulips, buttercups, violets, bluebells")
CURFEWS = words("supper, dark, six o'clock, bath time, sunset")
SIDE_WORDS = (
    ("supper", SUPPERS),
    ("song", SONGS),
    ("flowers", FLOWERS),
    ("curfew", CURFEWS),
    ("neighbor", NEIGHBORS),
)


@dataclass(frozen=True)
class Side:
    """A side event: how it begins before the plot, and what comes of it at the end of that day.

    Some need a road to walk on (`outdoors`), some end on the road back (`homeward`), and in some the keepsake is for
    the grown-up (`gift`).
    """

    begin: tuple[str, ...]
    end: tuple[str, ...]
    outdoors: bool = False
    homeward: bool = False
    gift: bool = False


SIDES = (
    Side(
        (
            "On the way, {hero.he} found {keepsake.a} and put it in {hero.his} bag for {elder}.",
            'By the path lay {keepsake.a}. "{elder} will like this," {hero} thought, and picked it up.',
        ),
        (
            "[At home|Before supper|In the evening], {hero} gave {elder} the {keepsake}.",
            "That evening, {elder} smiled when {hero} brought out the {keepsake} from the path.",
        ),
        outdoors=True,
        gift=True,
    ),
    Side(
        (
            "On the road {hero.he} saw {keepsake.a} and [took it along|kept it].",
            "{hero.He} picked up {keepsake.a} on the way.",
        ),
        (
            "[At bedtime|That night], {hero} put the {keepsake} on the shelf by {hero.his} bed.",
            "The {keepsake} got a place on the window sill in {hero}'s room.",
        ),
        outdoors=True,
    ),
    Side(
        (
            "Splash! On the way {hero} stepped into a deep puddle and got mud up to {hero.his} knees.",
            "{hero.He} slipped on the road, and soon {hero.his} knees were full of mud.",
        ),
        (
            "Before bed, {hero} had to wash the mud off {hero.his} knees.",
            '"Look at your muddy knees!" said {elder} that evening, and {hero} took a hot bath.',
        ),
        outdoors=True,
    ),
    Side(
        (
            '"We will have {supper} for supper," {elder} had said that morning.',
            "{elder} had promised to make {supper} for supper.",
        ),
        (
            "For supper there was {supper}, just as {elder} had promised.",
            "In the evening, {hero} ate [two plates|a big plate] of {supper}.",
        ),
    ),
    Side(
        (
            "On the way {hero.he} picked {count} {flowers}, but {fewer} blew away in the wind.",
            "{hero} stopped to pick {count} {flowers} and gave {fewer} to the {neighbor}.",
        ),
        (
            "{hero} put the {left} {flowers} that were left in a glass of water.",
            "In the evening, there were {left} {flowers} left, and {elder} got them all.",
        ),
        outdoors=True,
    ),
    Side(
        (
            "On the way {hero.he} stopped to look at {creature.a}.",
            "{creature.a} sat by the road, and {hero} [bowed|waved] to it.",
        ),
        (
            "On the way home, {hero} saw the {creature} again and wished it a good night.",
            "The {creature} was still by the road when {hero} went home.",
        ),
        outdoors=True,
        homeward=True,
    ),
    Side(
        (
            "{hero} hummed a [new|little] song about {song}.",
            "{hero} had a song about {song} in {hero.his} head.",
        ),
        (
            "At bedtime, {hero} sang {elder} the song about {song}.",
            "All evening, {hero} hummed the song about {song}.",
        ),
    ),
    Side(
        (
            "{hero} yawned, for {hero.he} had stayed up late the night before.",
            "{hero} was a bit sleepy, because an owl had kept {hero.him} awake all night.",
        ),
        (
            "{hero} went to bed early that night and fell asleep at once.",
            "That evening {hero} was so sleepy that {hero.he} nodded off over {hero.his} soup.",
        ),
    ),
    Side(
        (
            '"Please be home before {curfew}," {elder} had said.',
            "{hero} had promised {elder} to be home before {curfew}.",
        ),
        (
            "{hero} was home before {curfew}, just as {elder} had asked.",
            '"You are back before {curfew}. Well done!" said {elder} at the door.',
        ),
        outdoors=True,
        homeward=True,
    ),
    Side(
        (
            "In {hero.his} bag was a letter from {elder} to the {neighbor}.",
            '"Please bring this letter to the {neighbor}," {elder} had said.',
        ),
        (
            "On the way home, {hero} gave the {neighbor} the letter from {elder}.",
            "{hero} did not forget the letter. The {neighbor} read it and laughed.",
        ),
        outdoors=True,
        homeward=True,
    ),
)

"""Garden: a seed is planted, waited for, and comes up as what it was the seed of."""

from dataclasses import dataclass

from stories.frame import end_day
from stories.language import with_article
from stories.people import NEIGHBORS, PROUD
from stories.plot import Plot
from stories.story import Story
from stories.world import Event


@dataclass(frozen=True)
class Crop:
    """What grows from a seed, and what is made of it."""

    seed: str
    plant: str
    meal: str


CROPS = (
    Crop("pumpkin seed", "a fat orange pumpkin", "pumpkin pie"),
    Crop("sunflower seed", "a sunflower as tall as a door", "sunflower bread"),
    Crop("carrot seed", "a long carrot", "carrot cake"),
    Crop("tomato seed", "a bush with red tomatoes", "tomato soup"),
    Crop("pea", "a vine full of pods", "pea soup"),
    Crop("melon seed", "a big striped melon", "melon juice"),
    Crop("grain of corn", "a tall stalk of corn", "corn bread"),
    Crop("cherry pit", "a little tree with cherries", "cherry jam"),
)


def tell(s: Story) -> None:
    """Tell how the hero plants a seed, nearly gives up, and harvests what it was the seed of."""
    crop = s.rng.choice(CROPS)
    s.cast.update({"crop": crop, "a_seed": with_article(crop.seed)})
    s.choose("giver", NEIGHBORS)
    bed = s.choose(
        "bed", ("behind the house", "in a clay pot", "beside the fence", "under the kitchen window", "near the well")
    )
    _plant(s, crop, bed)
    _wait(s)
    _harvest(s, crop, bed)


def _plant(s: Story, crop: Crop, bed: str) -> None:
    """Let the hero get a seed and plant it."""
    s.paragraph()
    s.say(
        '{place.at}, {hero} met the {giver}, who gave {hero.him} {a_seed}. "Water it every day," said the {giver}.',
        "{place.at}, {hero} helped the {giver}, and the {giver} thanked {hero.him} with {a_seed}.",
    )
    s.say("At home, {hero} planted it {bed}.", "{hero} took it home and put it in the earth {bed}.")
    s.log.append(Event("plant", str(s.hero), crop.seed, bed))
    end_day(s)


def _wait(s: Story) -> None:
    """Nothing comes up, and the friend talks the hero out of giving up."""
    s.paragraph()
    s.feel(s.hero, ("impatient", "sad", "disappointed"))
    s.say(
        "Every day {hero} gave it water. One week went by, but nothing came up. {hero} was {hero.feeling}.",
        "{hero} watered it on Monday, on Tuesday and on Wednesday. But there was only earth. "
        "It made {hero.him} {hero.feeling}.",
    )
    s.say(
        '"I will dig it up and throw it away," said {hero}. "Wait," said {hero}\'s friend {friend}. '
        '"It is only asleep."',
        '{hero} told {hero.his} friend {friend}. "A {crop.seed} needs time," {friend} {friend.says}. "Do not give up."',
    )
    s.say("So {hero} [waited|watered it] and waited.", "{hero} listened to {friend} and went on watering.")


def _harvest(s: Story, crop: Crop, bed: str) -> None:
    """Let the plant come up in the bed where the seed was put."""
    s.paragraph()
    s.say(
        "Then the sun came out after the rain. {bed}, there was a green leaf, and in the end there was {crop.plant}!",
        "One morning, a green tip looked out of the earth {bed}. It grew and grew until it was {crop.plant}.",
    )
    s.log.append(Event("harvest", str(s.hero), crop.plant, bed))
    s.feel(s.hero, PROUD)
    s.say(
        "{hero} made {crop.meal} and gave {friend} the first taste.",
        "There was {crop.meal} for everyone. {friend} and the {giver} came to eat, too.",
    )


GARDEN = Plot(
    "garden",
    tell,
    ("Good things need time.", "{hero} was glad to have waited."),
    barred_traits=("patient", "stubborn"),
    homeward=False,
)

"""Rain: who leaves the umbrella at home gets wet, and takes it along the next time."""

from stories.frame import end_day, meet
from stories.people import COLD, HAPPY
from stories.places import GRAY_WEATHER
from stories.plot import Plot
from stories.story import Story
from stories.things import UMBRELLAS


def tell(s: Story) -> None:
    """Tell how the hero leaves the umbrella at home, gets wet, dries by the fire, and is wiser the next time."""
    s.item("umbrella", UMBRELLAS, s.friend)
    s.choose("drink", ("hot milk", "warm cocoa", "mint tea", "hot soup", "warm apple juice"))
    s.choose("game", ("tag", "catch", "hopscotch", "pirates", "leapfrog"))
    s.say(
        '"Take your umbrella," {elder} had said, but {hero} had left it at home.',
        "{hero}'s umbrella stayed at home, because {hero.he} did not want to carry it.",
    )
    _start_to_rain(s)
    _get_wet_and_dry(s)
    _take_the_umbrella(s)


def _start_to_rain(s: Story) -> None:
    """Let the two play until the rain comes; only the friend has an umbrella."""
    meet(s)
    s.say("{friend} had {umbrella.a}.", "{friend} carried {umbrella.a}, just to be safe.")
    s.say("They played {game}.", "They began a game of {game}.")
    s.soak(s.hero)
    s.feel(s.hero, COLD)
    s.say("Then [big|fat|heavy] drops fell, and soon it [poured|rained hard].", "Drip, drop! It began to [rain|pour].")


def _get_wet_and_dry(s: Story) -> None:
    """Let the hero get wet, run home, and dry by the fire."""
    s.paragraph()
    s.say(
        "Quickly, {friend} opened the {umbrella} and stayed dry. But it was too small for two, and {hero} got wet "
        "from head to toe.",
        "Under the {umbrella}, {friend} did not get wet. But {hero} had no umbrella, and water ran down {hero.his} "
        "[neck|nose].",
    )
    s.say("{hero} was wet and {hero.feeling}.", '"I am so wet!" said {hero}. {hero.He} was {hero.feeling}.')
    s.say("They ran [home|back] to {elder}.", '"Come, we will run home," said {friend}.')
    s.dry(s.hero)
    s.feel(s.hero, HAPPY)
    s.say(
        "{hero} sat by the fire with a cup of {drink} until {hero.his} hair was dry.",
        "{elder} made a fire and brought {drink}. Slowly, {hero}'s hair dried.",
    )
    end_day(s)


def _take_the_umbrella(s: Story) -> None:
    """Another day: the hero has learned."""
    s.paragraph()
    s.say(
        "The next day, there were dark clouds again. This time {hero} took {hero.his} umbrella. The rain came, "
        "and {hero} stayed dry.",
        'A week later, the sky was dark again. "I will take my umbrella," {hero} {hero.says}. When the rain came '
        "down, {hero} did not get wet at all.",
    )


RAIN = Plot(
    "rain",
    tell,
    (
        "After that, {hero} always listened when {elder} spoke of rain.",
        "{hero} had learned that an umbrella is no use at home.",
    ),
    weathers=GRAY_WEATHER,
    barred_traits=("careful",),
    homeward=False,
)

"""What surrounds the plot in every story: an opening, perhaps a side event, and an ending."""

from stories.language import NUMBERS
from stories.side_events import SIDE_WORDS, Side
from stories.story import Story
from stories.things import CREATURES, KEEPSAKES


def open_story(s: Story) -> None:
    """Tell who the hero is, and on what kind of day the story begins at the place."""
    s.cast["weather_time"] = f"{s.cast['weather']} {s.cast['time']}"
    s.paragraph()
    s.say(
        "Once upon a time, there was {hero.a_kind} named {hero}. {hero.He} {hero.habit}. "
        "One {weather_time}, {hero} [went|walked|hurried] to {place}.",
        "One {weather_time}, {hero.a_kind} named {hero} [went|walked|skipped|hurried] to {place}. {hero} {hero.habit}.",
        "{hero} was {hero.a_kind}. {hero.He} {hero.habit}. One {weather_time}, {hero.he} [ran|went|walked] to {place}.",
        "It was a {weather_time}. {hero.a_kind} named {hero} was on the way to {place}. {hero.He} {hero.habit}.",
        '"What a {weather_time}!" said {hero}, and off {hero.he} went to {place}. {hero} was {hero.a_kind} '
        "who {hero.habit}.",
        "Long ago, in a [small|quiet|sleepy] [town|village], there lived {hero.a_kind} named {hero}, who {hero.habit}. "
        "One {weather_time}, {hero.he} went to {place}.",
        "This is the story of {hero}, {hero.a_kind} who {hero.habit}. It begins on a {weather_time}, "
        "when {hero} went to {place}.",
        "In a [little|yellow|crooked|brick] house [at the end of the road|near the bakery|with a green door] lived "
        "{hero.a_kind} named {hero}. {hero.He} {hero.habit}. On a {weather_time}, {hero.he} set out for {place}.",
    )


def meet(s: Story) -> None:
    """Begin the plot: the hero is at the place, and so is the friend."""
    s.paragraph()
    s.say(
        "{place.at}, {hero} met {hero.his} [friend|good friend] {friend}, {friend.a_kind}.",
        '"Hello, {hero}!" [called|said] {friend}, {friend.a_kind}, who was [already|also] {place.at}.',
        "{hero}'s best friend {friend}, {friend.a_kind}, [came along|came, too|was waiting there].",
        "{hero} was not alone {place.at}. {friend}, {friend.a_kind}, had come to play.",
    )
    s.say("{friend.He} {friend.habit}.")


def begin_side(s: Story, sides: list[Side]) -> None:
    """Let one of the side events begin, and leave it pending until its day ends."""
    for role, options in SIDE_WORDS:
        s.choose(role, options)
    count, fewer = s.rng.randrange(5, 9), s.rng.randrange(1, 4)
    s.cast.update({"count": NUMBERS[count], "fewer": NUMBERS[fewer], "left": NUMBERS[count - fewer]})
    s.item("keepsake", KEEPSAKES, s.hero)
    s.item("creature", CREATURES, s.hero)
    s.pending = s.rng.choice(sides)
    s.say(*s.pending.begin)


def end_day(s: Story) -> None:
    """Tell what came of the side event, if one is pending; plots call it before another day begins."""
    side, s.pending = s.pending, None
    if side is None:
        return
    s.say(*side.end)
    if side.gift:
        s.give(s.items["keepsake"], s.elder, to_keep=True)


def close_story(s: Story, morals: tuple[str, ...]) -> None:
    """Tell how the hero feels after all this, how the day ended, and perhaps what there is to learn."""
    s.paragraph()
    feels = s.rng.random() < 0.7
    if feels:
        s.say(
            "{hero} was not {hero.earlier} any more. {hero.He} was {hero.feeling}.",
            "Earlier, {hero} had been {hero.earlier}, but now {hero.he} was {hero.feeling}.",
            "{hero} felt {hero.feeling} for the rest of the day.",
            "{hero} had been so {hero.earlier}! But in the end, {hero.he} was very {hero.feeling}.",
        )
    end_day(s)
    if not feels or s.rng.random() < 0.4:
        s.say(*morals)

"""Gift: the hero earns the coins that are missing, and gives the friend the toy wished for."""

from stories.frame import end_day, meet
from stories.language import NUMBERS, counted
from stories.people import HAPPY, PROUD, SAD, WORRIED
from stories.plot import Plot
from stories.story import Story
from stories.things import TOYS
from stories.world import Event, Item


def tell(s: Story) -> None:
    """Tell how the hero works for the missing coins to buy the toy that the friend wishes for, and gives it away."""
    price = s.rng.randrange(3, 9)
    savings = s.rng.randrange(1, price)
    missing = price - savings
    s.cast.update({"price": counted(price, "coin"), "savings": counted(savings, "coin"), "all": NUMBERS[price]})
    s.cast.update({"missing": NUMBERS[missing], "days": counted(missing, "day")})
    present = s.item("present", TOYS, s.hero)
    present.holder = None
    s.choose("chore", ("swept the yard", "washed the dishes", "fed the hens", "carried wood", "picked beans"))
    _hear_the_wish(s)
    _earn_the_coins(s, present)
    _give_it_away(s, present)


def _hear_the_wish(s: Story) -> None:
    """Let the friend wish for a toy that costs more than the hero has."""
    meet(s)
    s.feel(s.friend, SAD)
    s.say(
        'It was almost {friend}\'s birthday. "I wish I had {present.a}," said {friend}.',
        '"Next week is my birthday," said {friend}. "But nobody will give me {present.a}."',
    )
    s.feel(s.hero, WORRIED)
    s.say(
        "In the shop, the {present.noun} cost {price}. {hero} had only {savings} and was {hero.feeling}.",
        "{hero} saw {present.a} in the shop. It cost {price}, but {hero} had {savings}. {hero.He} was {hero.feeling}.",
    )
    s.say('"I need {missing} more," {hero.he} thought.', '"{missing} more!" said {hero}. "How can I get that?"')
    end_day(s)


def _earn_the_coins(s: Story, present: Item) -> None:
    """Let the hero work one day for each missing coin, and buy the toy."""
    s.paragraph()
    s.say(
        "So {hero} {chore} for {elder}, and each day {elder} gave {hero} one coin. After {days}, {hero} had all {all}.",
        '"If you help me, you get one coin a day," said {elder}. {hero} {chore} for {days}. '
        "Then {hero.he} had all {all}.",
    )
    present.holder = s.hero
    s.log.append(Event("buy", str(s.hero), str(present)))
    s.say("{hero.He} ran to the shop and bought the {present.noun}.", "Off {hero.he} went to buy the {present}.")


def _give_it_away(s: Story, present: Item) -> None:
    """Make the toy the friend's own."""
    s.paragraph()
    s.give(present, s.friend, to_keep=True)
    s.feel(s.friend, HAPPY)
    s.say(
        'On the birthday, {hero} {hero.says}, "This is for you." It was the {present}! {friend} was so '
        "{friend.feeling}.",
        '"Happy birthday!" said {hero}. {friend} opened the box, and there was the {present.noun}, just as '
        "{friend} had wished.",
    )
    s.say("At once {present.owner} {present.play}.", "{present.owner} took it and {present.play}.")
    s.feel(s.hero, PROUD)


GIFT = Plot(
    "gift",
    tell,
    ("It is lovely to give.", "{hero} had no coins left, but {hero.he} had made {friend} happy."),
)

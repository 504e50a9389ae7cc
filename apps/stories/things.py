"""The things: toys and what one does with them, small things, clothes, food, and so on."""

from dataclasses import dataclass

from stories.language import words


@dataclass(frozen=True)
class ItemKind:
    """A sort of thing: its noun, adjectives that fit it, and what one does with it (in the past tense)."""

    noun: str
    adjectives: tuple[str, ...]
    play: str = ""


def item_kinds(adjectives: str, nouns: str) -> tuple[ItemKind, ...]:
    """Build one kind for each noun; all of them share the adjectives."""
    return tuple(ItemKind(noun, words(adjectives)) for noun in words(nouns))


def toy(noun: str, play: str) -> ItemKind:
    """Build a toy: toys come in all colors, and one can do something with each."""
    return ItemKind(noun, words("red, blue, green, yellow, orange, purple, pink, white, shiny, striped, new"), play)


TOYS = (
    toy("ball", "bounced it up and down"),
    toy("boat", "made it sail over a sea of grass"),
    toy("train", "pushed it along and said choo choo"),
    toy("drum", "beat it, boom, boom, boom"),
    toy("doll", "rocked it to sleep"),
    toy("teddy bear", "hugged it tight"),
    toy("puppet", "made it dance"),
    toy("robot", "made it walk, click, clack"),
    toy("truck", "filled it with pebbles"),
    toy("yo-yo", "made it go up and down"),
    toy("flute", "played a tune on it"),
    toy("picture book", "looked at every page of it"),
    toy("paint box", "painted a big sun with it"),
    toy("hoop", "rolled it along"),
    toy("jump rope", "jumped with it ten times"),
    toy("telescope", "looked far away through it"),
    toy("trumpet", "blew it, toot, toot, toot"),
    toy("crown", "put it on and danced like a queen"),
    toy("mask", "put it on and roared like a lion"),
    toy("rocket", "made it zoom through the air"),
    toy("spinning top", "made it spin and spin"),
)
POCKET_THINGS = item_kinds(
    "red, blue, green, silver, shiny, tiny, round, old",
    "marble, button, key, coin, whistle, bell, ring, compass, badge, pencil, toy car, tin horse, bead, magnet",
)
CLOTHS = item_kinds(
    "red, blue, green, yellow, woolly, striped, soft, orange", "scarf, cap, blanket, coat, bag, flag, sweater, apron"
)
FLYERS = item_kinds("red, blue, green, yellow, orange, striped, white", "kite, balloon, toy plane, hat, beach ball")
FOODS = (
    *item_kinds("warm, fresh, sweet, sticky, big", "bun, muffin, pancake, honey cake, jam roll, cookie"),
    *item_kinds("ripe, juicy, big, sweet", "pear, apple, peach, orange, banana, plum"),
    *item_kinds("big, tasty, thick", "cheese sandwich, egg sandwich, piece of pie, slice of bread"),
)
UMBRELLAS = item_kinds("red, yellow, spotted, small, purple, orange", "umbrella")
PRIZES = item_kinds("golden, shiny, round, big, painted", "medal, cup, ribbon, cake, wreath, trophy, basket")
KEEPSAKES = item_kinds("smooth, pretty, brown, small, odd, speckled", "shell, feather, pebble, pine cone, acorn, leaf")
CREATURES = item_kinds(
    "green, tiny, spotted, slow, fat, yellow", "snail, beetle, caterpillar, toad, ladybug, robin, lizard, butterfly"
)

"""Places with the spots in them, the weather, and the time."""

from dataclasses import dataclass

from stories.language import words


@dataclass(frozen=True)
class Place:
    """Somewhere to be, with the spots in it where a thing may be lost or hidden."""

    name: str
    preposition: str
    spots: tuple[str, ...]
    indoors: bool = False

    @property
    def at(self) -> str:
        """The place as an answer to "where?"."""
        return f"{self.preposition} {self.name}"

    def __str__(self) -> str:
        return self.name


def room(name: str, spots: tuple[str, ...]) -> Place:
    """Build a place with a roof."""
    return Place(name, "in", spots, indoors=True)


OUTDOORS = (
    Place("the park", "in", words("under the long bench, behind the fountain, beside the swings")),
    Place("the garden", "in", words("under the rose bush, behind the water barrel, among the cabbages")),
    Place("the woods", "in", words("inside the hollow log, under the pile of leaves, behind the big oak tree")),
    Place("the beach", "at", words("next to the sandcastle, under the striped towel, between the two rocks")),
    Place("the lake", "by", words("under the rowing boat, among the reeds, behind the smooth rock")),
    Place("the river", "by", words("under the wooden bridge, in the tall grass, beside the willow tree")),
    Place("the meadow", "in", words("in the deep grass, beside the patch of clover, behind the gray stone")),
    Place("the hill", "on", words("behind the windmill, under the apple tree, beside the old fence")),
    Place("the farm", "on", words("behind the red barn, under the hay cart, next to the pig pen")),
    Place("the market", "at", words("under the fruit stand, behind the pile of baskets, next to the flower cart")),
    Place("the playground", "at", words("under the slide, behind the seesaw, next to the sandbox")),
    Place("the orchard", "in", words("under the pear tree, next to the ladder, behind the bee boxes")),
    Place("the pond", "by", words("among the cattails, beside the duck house, behind the mossy stump")),
    Place("the schoolyard", "in", words("under the steps, behind the gate, next to the bike rack")),
    Place("the village square", "in", words("beside the well, under the clock tower, behind the statue")),
    Place("the train station", "at", words("under the wooden seat, behind the ticket booth, next to the heavy trunk")),
    Place("the harbor", "at", words("under the fishing net, behind the barrel, next to the rusty anchor")),
    Place("the wheat field", "in", words("beside the scarecrow, under the bale of straw, behind the plow")),
    Place("the old castle", "at", words("under the stone stairs, behind the broken wall, beside the iron gate")),
    Place("the mill", "at", words("behind the water wheel, under the flour sack, next to the little door")),
    Place("the backyard", "in", words("under the porch, behind the shed, beside the doghouse")),
)
HOME = (
    room("the kitchen", words("under the table, behind the stove, beside the bread box")),
    room("the living room", words("under the couch, behind the curtain, beside the bookshelf")),
    room("the playroom", words("under the rug, behind the toy chest, inside the dollhouse")),
)
INDOORS = (
    *HOME,
    room("the attic", words("behind the mirror, inside the dusty suitcase, under the rocking chair")),
    room("the barn", words("in the soft hay, behind the milk pails, under the saddle")),
    room("the cellar", words("behind the apple crate, under the bottom step, next to the jam jars")),
    room("the greenhouse", words("behind the tomatoes, under the bench, inside the clay pot")),
    room("the library", words("under the reading lamp, behind the atlas, beside the globe")),
)

FAIR_WEATHER = words("sunny, warm, windy, bright, fine, cool, lovely, breezy")
GRAY_WEATHER = words("cloudy, gray, misty, damp")
ANY_WEATHER = FAIR_WEATHER + words("rainy, snowy, stormy, cold, foggy, frosty")
TIMES = words("morning, afternoon, day, Saturday, Sunday, Monday morning, Tuesday, Thursday, Friday afternoon")

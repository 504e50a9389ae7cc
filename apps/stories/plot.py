"""What a plot is to the rest of the generator: how it is told, and where it can happen."""

from collections.abc import Callable
from dataclasses import dataclass

from stories.places import ANY_WEATHER, FAIR_WEATHER, OUTDOORS, Place
from stories.side_events import SIDES, Side
from stories.story import Story


@dataclass(frozen=True)
class Plot:
    """A plot: how it is told, what may be learned from it, and in what kind of world it can happen.

    `homeward` says that the first day may end with a walk home.
    """

    name: str
    tell: Callable[[Story], None]
    morals: tuple[str, ...]
    places: tuple[Place, ...] = OUTDOORS
    weathers: tuple[str, ...] = FAIR_WEATHER
    barred_traits: tuple[str, ...] = ()
    homeward: bool = True

    def weathers_at(self, place: Place) -> tuple[str, ...]:
        """Indoors any weather will do; outdoors only what the plot allows."""
        return ANY_WEATHER if place.indoors else self.weathers

    def sides_at(self, place: Place) -> list[Side]:
        """Return the side events that can go with the plot: not all do indoors, nor where the day ends at home."""
        allowed = [side for side in SIDES if not (side.outdoors and place.indoors)]
        return [side for side in allowed if self.homeward or not side.homeward]

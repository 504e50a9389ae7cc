"""The plots, one per file, and `PLOTS`, the list of all of them.

A plot is told by its `tell`: it picks the things and words that play a role, then calls its steps in order. A step
tells one paragraph. It changes the state of the world (`s.lay(thing, spot, "lose")`), and what later steps say is
read from that state (`{thing.spot}`), so that it is consistent. What is not part of the state, such as a lie, is
recorded in `s.log`, which the tests check.

To add a plot, copy a file (`rain.py` is a simple one), write its steps and its `Plot`, and put it into `PLOTS`:

* `hero` (a child), `friend` (an animal), `elder` and `place` have a role in every story; `s.item` and `s.choose` give
  a role to more;
* a pronoun stands for the person named last, and the friend is introduced, as `agreement.py` says: these are the rules
  that the quickstart's model is measured by;
* a plot may start with `meet(s)`, and must call `end_day(s)` before it goes on to another day;
* before the end, the hero must have felt at least twice, first one way and then another;
* every change to `PLOTS`, its order included, changes which stories a seed tells, so the pinned hash of the tests
  changes with it. Add a test of the new consequence there, too.
"""

from stories.plot import Plot
from stories.plots.borrowed import BORROWED
from stories.plots.broken import BROKEN
from stories.plots.favor import FAVOR
from stories.plots.fear import FEAR
from stories.plots.garden import GARDEN
from stories.plots.gift import GIFT
from stories.plots.lie import LIE
from stories.plots.little_one import LITTLE_ONE
from stories.plots.lost import LOST
from stories.plots.promise import PROMISE
from stories.plots.race import RACE
from stories.plots.rain import RAIN
from stories.plots.secret import SECRET
from stories.plots.sick import SICK
from stories.plots.stuck import STUCK
from stories.plots.trade import TRADE

__all__ = ["PLOTS"]

PLOTS: tuple[Plot, ...] = (
    LOST,
    BROKEN,
    RAIN,
    FAVOR,
    LIE,
    PROMISE,
    FEAR,
    TRADE,
    SECRET,
    GIFT,
    LITTLE_ONE,
    RACE,
    GARDEN,
    SICK,
    STUCK,
    BORROWED,
)

"""Short children's stories generated from a grammar and a small simulated world: text to train a language model on.

Each story follows one of the plots. In every plot something happens that later sentences depend on: what was lost is
found where it fell, what was traded stays traded, a friend who was helped returns the favor. A model that uses the
whole story so far can predict the rest; one that has only learned which words go together cannot.

The files, each using only those above it:

* `language.py`: numbers, articles, and templates turned into sentences;
* `people.py`, `places.py`, `things.py`: the words there are;
* `world.py`: the state of characters and items, and the events in the log;
* `side_events.py`: small events around the plot;
* `story.py`: the story being told; its methods change the world and say sentences about it;
* `frame.py`: openings, side events and endings, the same for all plots;
* `plot.py`: what a plot is;
* `plots/`: the plots, one per file, and how to add one;
* `generator.py`: `generate_story` tells one story, `generate_stories` a stream of them;
* `corpus.py`: `write_corpus` fills a pair of text files;
* `agreement.py`: whether the pronouns of a story, be it one that a model wrote, agree with its names.
"""

from stories.corpus import END_OF_STORY, write_corpus
from stories.generator import generate_stories, generate_story

__all__ = ["END_OF_STORY", "generate_stories", "generate_story", "write_corpus"]

"""The page of a run, `report.html`: one file that opens anywhere, without a network and without scripts.

The files, each using only those above it:

* `markup.py`: HTML elements, in which all text is escaped;
* `frame.py`: the head and the style of a page, `style.css`;
* `record.py`: what a run's folder contains, read without torch; anything may be missing or damaged;
* `results.py`: final figures and costs, computed from the record;
* `configuration.py`: the configuration, first what differs from the defaults;
* `picture.py`: figures as SVG, in the colours of a light or a dark page;
* `curves.py`: the curves of losses and other metrics;
* `samples.py`: what the model wrote, and how it learned;
* `provenance.py`: the data, and the machines and versions of each session;
* `page.py`: the whole page.
"""

from run_page.page import write_run_page

__all__ = ["write_run_page"]

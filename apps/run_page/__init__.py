"""The page of a run, `report.html`: one file that opens anywhere, without a network and without scripts.

The files, each using only those above it:

* `markup.py`: HTML elements, in which all text is escaped;
* `record.py`: what a run's folder contains, read without torch; anything may be missing or damaged;
* `results.py`: final figures and costs, computed from the record;
* `configuration.py`: the configuration, first what differs from the defaults;
* `curves.py`: the curves as SVG, readable on a light and on a dark page;
* `samples.py`: what the model wrote, and how it learned;
* `provenance.py`: the data, and the machines and versions of each session;
* `page.py`: the whole page, with `style.css`.
"""

from run_page.page import write_run_page

__all__ = ["write_run_page"]

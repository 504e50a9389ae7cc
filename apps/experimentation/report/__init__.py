"""The report of a scale: one Markdown page with its figures beside it, and one HTML page that needs no other file.

The files, each using only those above it:

* `document.py`: the content of a page without its form;
* `cells.py`, `tables.py`, `measured.py`, `curves.py`: tables and figures of an experiment;
* `chapters.py`: the results of all experiments at a scale, each with its finding;
* `provenance.py`: machine, versions, code, texts, time;
* `contents.py`: the whole content;
* `markdown.py`, `web_page.py`: its two forms;
* `writing.py`: the files.
"""

from experimentation.report.writing import write_report

__all__ = ["write_report"]

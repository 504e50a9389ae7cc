"""The website: the pages of this repository and the API reference. `uv run nox -s docs` builds it.

The pages are the Markdown files that a git host shows too, with the links that work there. Zensical makes the website
from them; `zensical.toml` has its settings. `python -m website` puts together the folder that it reads:

    __main__.py      the command
    pages.py         which files are pages, and the folder with all of them
    links.py         the links of a page
    reference.py     the pages of the API reference
    navigation.yml   the order of the pages
    style.css        what is added to Zensical's style
"""

"""The pages of this repository as a website: `python -m website`, or with nox `uv run nox -s docs`.

The pages are the Markdown files that a git host shows too, with the links that work there. Read from the command line
inwards:

    __main__.py       builds the website: collects the pages, calls the generator, checks the result
    staging.py        the folder of Markdown that the generator reads
    contents.py       which files are pages, and their order in the navigation
    links.py          links to files that are no pages lead to pages that show these files
    source_pages.py   these pages
    reference.py      the pages of the four packages' public names, from their docstrings
    checking.py       what is checked in the finished pages
    settings.yml      settings of the generator
    style.css         what is added to the generator's style
"""

"""What surrounds the content of a page: its head and its style."""

from pathlib import Path

from run_page.markup import Html, element

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""


def page_of(title: str, body: Html, further_style: str = "") -> str:
    """Return a page that needs no other file.

    Args:
        title: shown by the browser.
        body: the content.
        further_style: rules that are added to `style.css`.
    """
    style = Html(Path(__file__).with_name("style.css").read_text("utf-8") + further_style)
    return f"{_HEAD}{element('title', title)}\n{element('style', style)}\n{body}\n</html>\n"

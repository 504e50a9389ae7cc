"""HTML pages, checked while they are read."""

from html.parser import HTMLParser

WITHOUT_END = {"meta", "input"}


class Page(HTMLParser):
    """A page that is checked while it is read: every element is closed, and nothing is fetched or run."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.identifiers, self.targets = [], [], [], [], []
        self.feed(text)
        assert self.open == []
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in WITHOUT_END:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert value.startswith("#")
                self.targets.append(value[1:])
            if name == "id":
                self.identifiers.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read_page(text):
    """Check that a page needs no network and no scripts, and that its names are its own, and return it."""
    assert "http" not in text
    assert "url(" not in text.replace("url(#", "")
    page = Page(text)
    assert "script" not in page.tags
    assert len(page.identifiers) == len(set(page.identifiers))
    assert set(page.targets) <= set(page.identifiers)
    return page

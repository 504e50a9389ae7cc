"""The website's pages: which there are, where their links lead, and what is made of docstrings."""

import ast
import importlib
import re
import sys

import pytest

from .conftest import ROOT

sys.path.insert(0, str(ROOT))

from website.docstrings import to_markdown
from website.links import resolve, rewrite_links
from website.pages import write_pages
from website.reference import PACKAGES, reference_pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder that `python -m website` makes of this repository."""
    out = tmp_path_factory.mktemp("website") / "pages"
    write_pages(ROOT, out)
    return out


@pytest.fixture
def repository(tmp_path):
    """A small repository with a page in `docs`, whose text a test writes."""
    root = tmp_path / "repository"
    for package in PACKAGES:
        source = root / "packages" / package / "src" / package
        source.mkdir(parents=True)
        (source / "__init__.py").write_text("from .module import name as name\n")
    (root / "docs").mkdir()
    (root / "README.md").write_text("# Title\n")
    return root


def test_links_in_code_and_to_other_machines_stay():
    prose = "`[a](b)` [c](https://d.example/e) [f](#g) [h](mailto:i@j.example)\n"
    kept = f"{prose}\n```sh\n[k](l)\n```\n\n- m\n\n  ```\n  [n](o)\n  ```\n"
    assert rewrite_links(kept, lambda target: target.upper()) == kept


def test_links_to_files_are_rewritten_with_their_titles():
    page = '[a](b.md) ![c](d.svg "e") `f` [g](h.md#i)\n'
    assert rewrite_links(page, lambda target: f"x/{target}") == '[a](x/b.md) ![c](x/d.svg "e") `f` [g](x/h.md#i)\n'


@pytest.mark.parametrize("target", ["missing.md", "../../outside.md", "/etc/passwd"])
def test_links_to_nothing_are_named(repository, target):
    (repository.parent / "outside.md").write_text("")
    (repository / "docs" / "page.md").write_text(f"# Page\n\n[there]({target})\n")
    with pytest.raises(ValueError, match=re.escape(f"docs/page.md: the link to {target} leads to nothing")):
        write_pages(repository, repository / "build")


def test_a_linked_page_stays_and_a_module_gets_a_page_of_its_own(repository):
    module = '"""Shows a fence:\n\n    ```\n"""\n'
    (repository / "module.py").write_text(module)
    (repository / "picture.svg").write_bytes(b"<svg/>")
    (repository / "docs" / "page.md").write_text("# Page\n\n[a](../README.md) [b](../module.py) ![c](../picture.svg)\n")
    out = repository / "build"
    write_pages(repository, out)
    assert (
        (out / "docs" / "page.md").read_text().endswith("[a](../README.md) [b](../module.py.md) ![c](../picture.svg)\n")
    )
    assert (out / "module.py.md").read_text().endswith(f"# `module.py`\n\n````python\n{module}````\n")
    assert (out / "picture.svg").read_bytes() == b"<svg/>"


def test_a_linked_folder_gets_a_page_that_lists_its_files(repository):
    (repository / "docs" / "solutions").mkdir()
    (repository / "docs" / "solutions" / "first.py").write_text("1\n")
    (repository / "docs" / "page.md").write_text("# Page\n\n[all](solutions)\n")
    out = repository / "build"
    write_pages(repository, out)
    assert (out / "docs" / "page.md").read_text().endswith("[all](solutions/files.md)\n")
    assert (out / "docs" / "solutions" / "files.md").read_text() == "# `docs/solutions/`\n\n- [first.py](first.py.md)\n"
    assert (out / "docs" / "solutions" / "first.py.md").is_file()


def test_pages_of_an_earlier_build_are_removed(repository):
    out = repository / "build"
    write_pages(repository, out)
    (repository / "README.md").rename(repository / "CHANGELOG.md")
    write_pages(repository, out)
    assert (out / "CHANGELOG.md").is_file()
    assert not (out / "README.md").exists()


def test_every_page_of_this_repository_is_there(pages):
    sources = [ROOT / "README.md", *ROOT.glob("packages/*/README.md"), *ROOT.glob("docs/**/*.md")]
    for source in sources:
        assert (pages / source.relative_to(ROOT)).is_file(), source


def test_every_link_leads_to_a_file_of_the_website(pages):
    for page in pages.rglob("*.md"):
        if page.name.endswith(".py.md"):
            continue

        def check(target, page=page):
            resolve(pages, page.relative_to(pages), target)
            return target

        rewrite_links(page.read_text("utf-8"), check)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_lists_what_a_package_exports(package):
    for path, page in reference_pages(ROOT).items():
        if path.stem.split(".")[0] == package:
            listed = re.search(r"members: \[(.*)\]", page)[1].split(", ")
            assert sorted(listed) == sorted(importlib.import_module(path.stem).__all__)


def test_the_settings_name_all_packages():
    settings = (ROOT / "zensical.toml").read_text("utf-8")
    paths = ast.literal_eval(re.search(r"^paths = (.*)$", settings, re.MULTILINE)[1])
    assert paths == [f"packages/{package}/src" for package in PACKAGES]


def test_examples_of_docstrings_become_code():
    docstring = "Add.\n\nThe formula::\n\n    a + b\n\n>>> add(1,\n...     2)\n3\n\nArgs:\n    a: a number.\n"
    assert to_markdown(docstring) == (
        "Add.\n\nThe formula:\n\n    a + b\n\n```pycon\n>>> add(1,\n...     2)\n3\n```\n\nArgs:\n    a: a number.\n"
    )

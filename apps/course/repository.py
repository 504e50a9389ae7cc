"""A checkout of the course's repository: which edition it is, and what it brings for tiktoken."""

import ast
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

ADAPTERS = "COURSE_ADAPTERS"
"""The environment variable by which `course.plugin` is given the name of a module of adapters."""

EDITIONS = {"run_gelu": "course.adapters_2024", "run_swiglu": "course.adapters"}
"""A function that only the adapters of some editions have, and the module with our functions for them."""

GPT2_FILES = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
"""Where tiktoken fetches GPT-2's vocabulary from; it names its copy of a file by the SHA-1 of this address."""

MERGES_HEADER = b"#version: 0.2\n"
"""The first line of GPT-2's `vocab.bpe`, which the course's copy does not have."""


@dataclass(frozen=True)
class CourseRepository:
    """A checkout of the repository of the first assignment."""

    path: Path
    """Its folder, absolute."""
    adapters: str
    """The module with the functions that its tests call."""


def open_repository(path: Path) -> CourseRepository:
    """Check that a folder is a checkout of the course's repository, and find out its edition.

    Raises:
        ValueError: it is not one, its edition is not known here, or its tests need a newer Python.
    """
    adapters = path / "tests" / "adapters.py"
    if not adapters.is_file():
        raise ValueError(
            f"{path} has no tests/adapters.py: give the folder of a clone of the repository of CS336's first "
            "assignment, github.com/stanford-cs336/assignment1-basics"
        )
    _check_python(path / "tests" / "conftest.py")
    source = adapters.read_text("utf-8")
    for function, module in EDITIONS.items():
        if f"def {function}(" in source:
            return CourseRepository(path.resolve(), module)
    raise ValueError(
        f"{adapters} defines neither {' nor '.join(EDITIONS)}: this edition of the course is not supported"
    )


def _check_python(conftest: Path) -> None:
    """Raise ValueError if a file has syntax that this Python does not know: the edition of 2026 needs 3.12."""
    try:
        ast.parse(conftest.read_bytes() if conftest.is_file() else b"")
    except SyntaxError as error:
        version = ".".join(map(str, sys.version_info[:2]))
        raise ValueError(
            f"{conftest}, line {error.lineno}, is not written for Python {version}: use a newer one, "
            "uv run --isolated --python 3.12 apps/course_tests.py …"
        ) from None


def fill_tiktoken_cache(repository: CourseRepository, folder: Path) -> bool:
    """Write GPT-2's vocabulary where tiktoken looks for it, so that it does not have to be fetched.

    The course's tests compare with tiktoken, and bring the same vocabulary as fixtures. tiktoken checks the SHA-256 of
    what it finds in its cache, so a wrong file cannot be used by mistake.

    Args:
        repository: the course's.
        folder: an empty folder, for the environment variable TIKTOKEN_CACHE_DIR.

    Returns:
        Whether the fixtures are there.
    """
    fixtures = repository.path / "tests" / "fixtures"
    vocabulary, merges = fixtures / "gpt2_vocab.json", fixtures / "gpt2_merges.txt"
    if not (vocabulary.is_file() and merges.is_file()):
        return False
    contents = {"encoder.json": vocabulary.read_bytes(), "vocab.bpe": MERGES_HEADER + merges.read_bytes()}
    for name, content in contents.items():
        address = GPT2_FILES + name
        (folder / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()).write_bytes(content)
    return True

"""Why a test of the course may fail although the packages are right."""

import re

MISSING_FIXTURE = r"FileNotFoundError: .*'[^']*tests/fixtures/([^']+)'"

REASONS = {
    MISSING_FIXTURE: r"\1 is not in this copy of the course's repository; some mirrors lack its large files",
    r"openaipublic\.blob": "tiktoken could not fetch GPT-2's vocabulary, and the copy in the course's fixtures does "
    "not have the SHA-256 that it expects",
    r"No module named '(\w+)'": r"\1 is not installed: run uv sync, whose group course has what the tests import",
    r"end_time - start_time|Timeout": "this test measures time: repeat it while nothing else runs on the machine",
    r"Cannot allocate memory|MemoryError|can't start new thread": "this test limits the memory of the process to 1 MB "
    "more than is in use, so its result depends on what the tests before it have left reserved",
}
"""A regular expression to search for in the error, and the explanation."""

EXPECTED = "the course expects this failure: encode returns all ids at once, in more memory than the test allows"
"""Why `test_encode_memory_usage` fails."""


def explain(error: str) -> str | None:
    """Return why a test failed if the packages are not responsible for it, otherwise None.

    >>> explain("FileNotFoundError: [Errno 2] No such file or directory: '/a/tests/fixtures/ts_tests/model.pt'")[:36]
    'ts_tests/model.pt is not in this cop'
    >>> explain("AssertionError: Array 'array' does not match snapshot for test_linear")
    """
    for pattern, explanation in REASONS.items():
        found = re.search(pattern, error)
        if found:
            return found.expand(explanation)
    return None


def explain_expected(error: str) -> str:
    """Return why a test failed that the course expects to fail.

    >>> explain_expected("MemoryError") == EXPECTED
    True
    """
    return explain(error) or EXPECTED if re.search(MISSING_FIXTURE, error) else EXPECTED

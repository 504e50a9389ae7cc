"""The two corpora of a workspace by the names that experiments give them."""

from typing import Literal

from experimentation.workspace import TextSource, Workspace

CorpusChoice = Literal["stories", "web"]
"""The first corpus of an experiment, or the second."""


def texts_by_name(workspace: Workspace) -> dict[CorpusChoice, TextSource]:
    """Return both corpora."""
    return {"stories": workspace.text, "web": workspace.other_text}

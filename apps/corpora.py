"""A prepared corpus as the data of a run: its token files and its tokenizer.

`apps/prepare_data.py` prepares a corpus for a number of vocabulary entries; the runs on it share the files. Nothing
here loads torch, so that a corpus that is missing is reported at once.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from command import say
from text_config import TextDataConfig, TextRunConfig

if TYPE_CHECKING:
    from preparation import PreparedData


def without_unused_corpus(data: TextDataConfig) -> TextDataConfig:
    """Return the data without the configuration's corpus if files are given, which are used instead of it."""
    return replace(data, corpus=None) if data.has_files else data


def require_corpus(config: TextRunConfig, *, offline: bool) -> None:
    """Refuse, within a second, a corpus that is not prepared and cannot be prepared here.

    Args:
        config: a run; one without a corpus is not refused.
        offline: whether to never ask the network.

    Raises:
        ValueError: the corpus is missing, and its files are neither at hand nor within reach.
    """
    if config.data.corpus is not None and not config.data.has_files:
        import preparation

        preparation.require_corpus(config.data.corpus, config.model.vocab_size, offline=offline)


def with_prepared_corpus(config: TextRunConfig, *, offline: bool) -> TextRunConfig:
    """Return the configuration with the files of its corpus, which is prepared if it is missing.

    Args:
        config: a run; one without a corpus is returned as it is.
        offline: whether to never ask the network.

    Raises:
        ValueError: the corpus is missing and cannot be prepared here.
        OSError: a file cannot be read or written.
    """
    name = config.data.corpus
    if name is None or config.data.has_files:
        return config
    found = find_corpus(config)
    if found is None:
        from preparation import prepare_corpus

        found = prepare_corpus(name, config.model.vocab_size, offline=offline, say=say)
    return _with_files(config, found)


def with_found_corpus(config: TextRunConfig) -> TextRunConfig:
    """Return the configuration with the files of its corpus, if the corpus is prepared; nothing is prepared."""
    found = find_corpus(config)
    return config if found is None else _with_files(config, found)


def find_corpus(config: TextRunConfig) -> "PreparedData | None":
    """Return the files of the configuration's corpus; None if it has none, or if it is not prepared."""
    name = config.data.corpus
    if name is None or config.data.has_files:
        return None
    from preparation import find_prepared

    return find_prepared(name, config.model.vocab_size)


def _with_files(config: TextRunConfig, found: "PreparedData") -> TextRunConfig:
    data = replace(
        config.data,
        train_tokens=str(found.train_tokens),
        valid_tokens=str(found.valid_tokens),
        tokenizer=str(found.tokenizer),
    )
    return replace(config, data=data)

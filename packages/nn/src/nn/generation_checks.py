"""What is refused before a model generates or scores a text; each function raises ValueError."""

from collections.abc import Collection, Sequence

import torch

from nn.config import ModelConfig
from nn.generation_config import SamplingConfig


def check_prompts(prompts: Sequence[Sequence[int]], config: ModelConfig) -> None:
    """Refuse a prompt that is empty, longer than the context, or not of the vocabulary."""
    for prompt_ids in prompts:
        if not prompt_ids:
            raise ValueError("the prompt is empty: give at least one id, such as the one that separates documents")
        if len(prompt_ids) > config.context_length:
            raise ValueError(
                f"the prompt has {len(prompt_ids)} tokens, but the model's context is {config.context_length}: "
                "shorten it"
            )
        check_ids("prompt", prompt_ids, config)


def check_ids(name: str, ids: Sequence[int], config: ModelConfig) -> None:
    """Refuse a text with ids outside the vocabulary."""
    for token_id in ids:
        if not 0 <= token_id < config.vocab_size:
            raise ValueError(
                f"the {name} contains the id {token_id}, but the ids of the model's vocabulary go from 0 to "
                f"{config.vocab_size - 1}"
            )


def check_stop_tokens(stop_tokens: Collection[int], config: ModelConfig) -> None:
    """Refuse a stop token outside the vocabulary, which would never be drawn."""
    for token_id in stop_tokens:
        if not 0 <= token_id < config.vocab_size:
            raise ValueError(
                f"the stop token {token_id} is not an id of the model's vocabulary: give ids from 0 to "
                f"{config.vocab_size - 1}"
            )


def check_num_alternatives(num_alternatives: int, config: ModelConfig) -> None:
    """Refuse more alternatives than the vocabulary has."""
    if not 0 <= num_alternatives <= config.vocab_size:
        raise ValueError(
            f"num_alternatives is {num_alternatives}: give a number from 0 to {config.vocab_size}, the model's "
            "vocabulary"
        )


def check_one_for_each_row(
    count: int,
    samplings: Sequence[SamplingConfig],
    generators: Sequence[torch.Generator] | None,
    drawn_before: Sequence[int] | None,
) -> None:
    """Refuse settings, generators or numbers drawn before that are not one for each prompt."""
    for name, given in (("settings", samplings), ("generators", generators), ("numbers drawn before", drawn_before)):
        if given is not None and len(given) != count:
            raise ValueError(f"there are {count} prompts but {len(given)} {name}: give one for each row")
    if drawn_before is None:
        return
    if generators is None:
        raise ValueError("drawn_before is given without generators: give the generators whose numbers are skipped")
    if min(drawn_before, default=0) < 0:
        raise ValueError(f"drawn_before contains {min(drawn_before)}: give 0 or more")

"""The texts that a model writes while it is trained, one at each evaluation."""

import os

from bpe import Tokenizer
from nn import SamplingConfig, TransformerLM
from speaker import Speaker
from text_config import TextRunConfig
from trainer import RunDirectory, SampleHook


def make_sampler(config: TextRunConfig, run: RunDirectory) -> SampleHook | None:
    """Return the function that writes a sample, or None if there are none: see `why_no_samples`.

    Raises:
        ValueError: the prompt is longer than the model's context.
    """
    settings = config.sample
    if settings.prompt is None or not run.tokenizer.is_file():
        return None
    tokenizer, prompt = Tokenizer.load(run.tokenizer), settings.prompt
    length = len(tokenizer.encode(prompt))
    if length > config.model.context_length:
        raise ValueError(
            f"sample.prompt has {length} tokens, but model.context_length is {config.model.context_length}: shorten it"
        )
    sampling = SamplingConfig(settings.temperature, top_p=0.9)

    def sample(model: TransformerLM, step: int) -> str:
        speaker = Speaker(model, tokenizer)
        (parts,) = speaker.speak(speaker.encode_prompt(prompt), settings.max_new_tokens, sampling, seeds=[0])
        return f"step {step}, a sample: {prompt}{''.join(parts)}"

    return sample


def why_no_samples(config: TextRunConfig, run: RunDirectory) -> list[str]:
    """Return a note for the log if samples are configured but will not be written."""
    if config.sample.prompt is None:
        return []
    if not run.tokenizer.is_file():
        return ["note: there will be no samples: the run has no tokenizer"]
    if os.environ.get("WORLD_SIZE", "1") != "1":
        return ["note: there will be no samples: they are not written when several processes train"]
    return []

"""The texts that a model writes while it is trained, at each evaluation."""

import os

from bpe import Tokenizer
from nn import SamplingConfig, TransformerLM
from sample_file import Samples, samples_path, write_samples
from speaker import Speaker
from text_config import TextRunConfig
from trainer import RunDirectory, SampleHook


def make_sampler(config: TextRunConfig, run: RunDirectory) -> SampleHook | None:
    """Return the function that writes the samples of a step into the run's folder, and returns the first for the log.

    It is None if there are no samples: see `why_no_samples`.

    Raises:
        ValueError: the prompt is longer than the model's context.
    """
    settings = config.sample
    if settings.prompt is None or not run.tokenizer.is_file():
        return None
    tokenizer, prompt = Tokenizer.load(run.tokenizer), settings.prompt
    length = len(config.text.begin_ids(tokenizer)) + len(tokenizer.encode(prompt))
    if length > config.model.context_length:
        raise ValueError(
            f"sample.prompt has {length} tokens, but model.context_length is {config.model.context_length}: shorten it"
        )
    sampling = SamplingConfig(settings.temperature, top_p=0.9)

    def sample(model: TransformerLM, step: int) -> str:
        speaker = Speaker(model, tokenizer, config.text)
        seeds = range(settings.num_samples)
        streams = speaker.speak(speaker.encode_prompt(prompt), settings.max_new_tokens, sampling, seeds)
        texts = tuple("".join(parts) for parts in streams)
        write_samples(samples_path(run), Samples(step, prompt, texts))
        return f"step {step}, a sample: {prompt}{texts[0]}"

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

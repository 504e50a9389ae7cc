r"""The split patterns that are measured: those with a name, and others of published tokenizers, with their sources.

Each is a list of steps as in a `tokenizer.json`. If there are several, each splits the pieces of the one before.
"""

from typing import Any

from bpe import PATTERNS

Step = dict[str, Any]


def _isolated(expression: str) -> Step:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*" + _SPACES
)

SPLIT_PATTERNS: dict[str, list[Step]] = {
    "GPT-2, GPT-NeoX, OLMo, Phi": [_isolated(PATTERNS["gpt2"])],  # ByteLevel in their tokenizer.json
    "cl100k, Llama 3": [_isolated(PATTERNS["cl100k"])],  # tiktoken_ext/openai_public.py
    "o200k, GPT-4o, gpt-oss": [_isolated(PATTERNS["o200k"])],  # tiktoken_ext/openai_public.py
    # tokenizer.json of Qwen2-7B and Qwen3-8B
    "Qwen 2 and 3": [_isolated(_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACES)],
    # tekken.json of Mistral-Nemo
    "Mistral's tekken": [
        _isolated(
            rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
            r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _SPACES
        )
    ],
    # tokenizer.json of DeepSeek-V3: three Splits
    "DeepSeek V3": [_isolated(r"\p{N}{1,3}"), _isolated("[一-龥\u3040-ゟ゠-ヿ]+"), _isolated(_DEEPSEEK)],
    # tokenizer.json of StarCoder and SmolLM: Digits, ByteLevel
    "StarCoder, SmolLM, Command R": [_isolated(r"\p{N}"), _isolated(PATTERNS["gpt2"])],
    # tokenizer.json of falcon-7b: Punctuation, ByteLevel, Digits, Split
    "Falcon": [
        {"type": "Punctuation", "behavior": "Contiguous"},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        {"type": "Digits", "individual_digits": False},
        _isolated("[0-9][0-9][0-9]"),
    ],
    # tokenizer.json of BLOOM, its set in a set written as one
    "BLOOM": [_isolated(r" ?[^(\s|.,!?…。，、।۔،)]+")],
}

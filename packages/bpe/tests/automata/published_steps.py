r"""Split steps of published tokenizers, by the model that they were published with.

They are from the models' `tokenizer.json` or, for those marked with llama.cpp, from the list of patterns for each
pre-tokenizer in its `src/llama-vocab.cpp`, which are applied one after another. ByteLevel is written as its pattern.
"""

from bpe import PATTERNS
from bpe.pre_tokenizers import Split, SplitStep, StandIns

from .published_patterns import PUBLISHED

_GPT2 = Split(PATTERNS["gpt2"], "Isolated")
_EACH_DIGIT, _DIGITS = Split(r"\p{N}", "Isolated"), Split(r"\p{N}", "Contiguous")
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"


def _isolated(*names: str) -> tuple[SplitStep, ...]:
    return tuple(Split(PUBLISHED[name], "Isolated") for name in names)


PUBLISHED_STEPS: dict[str, tuple[SplitStep, ...]] = {
    # deepseek-ai/DeepSeek-V3: three Splits, ByteLevel without a pattern
    "DeepSeek V3": _isolated("DeepSeek V3, numbers", "DeepSeek V3, Han", "DeepSeek V3"),
    # bigcode/starcoder and HuggingFaceTB/SmolLM: Digits with individual_digits, ByteLevel
    "StarCoder and SmolLM": (_EACH_DIGIT, _GPT2),
    # Digits without individual_digits, ByteLevel
    "runs of digits": (_DIGITS, _GPT2),
    # Punctuation, ByteLevel, with each behavior
    "punctuation, isolated": (Split(_PUNCTUATION, "Isolated"), _GPT2),
    "punctuation, contiguous": (Split(_PUNCTUATION, "Contiguous"), _GPT2),
    "punctuation, with what is before": (Split(_PUNCTUATION, "MergedWithPrevious"), _GPT2),
    "punctuation, with what is after": (Split(_PUNCTUATION, "MergedWithNext"), _GPT2),
    # llama.cpp's refact and command-r: the same two steps as StarCoder
    "Command R": (Split(r"\p{N}", "Isolated"), _GPT2),
    # a space before each word, as Split with a string and MergedWithNext
    "words after spaces": (Split(" ", "MergedWithNext"),),
    "words before spaces": (Split(r"\s+", "MergedWithPrevious"), _EACH_DIGIT),
    "inverted": (Split(r"\p{N}", "MergedWithNext", invert=True), Split(r"\s+", "MergedWithPrevious", invert=True)),
    # a Split that removes what it does not match, and matches everything
    "Qwen 2, removed": (Split(PUBLISHED["Qwen 2 and 3"], "Removed", invert=True),),
    "o200k after digits": (_EACH_DIGIT, Split(PATTERNS["o200k"], "Isolated")),
}
"""Steps that have an automaton."""

BYTE_STEPS: dict[str, tuple[SplitStep, ...]] = {
    # tiiuae/falcon-7b: Punctuation, ByteLevel, Digits, Split
    "Falcon": (
        Split(_PUNCTUATION, "Contiguous"),
        _GPT2,
        StandIns(),
        _DIGITS,
        Split(PUBLISHED["Falcon, numbers"], "Isolated"),
    ),
    "ByteLevel, Digits": (_GPT2, StandIns(), _EACH_DIGIT),
    "nothing before the bytes": (StandIns(), Split("[a-zà-ý]+", "MergedWithNext"), _EACH_DIGIT),
}
"""Steps of which the last ones look at bytes: an automaton for those before, and one for these."""

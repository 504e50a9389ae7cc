r"""Split patterns of published tokenizers, by the model that they were published with.

They are from the tokenizers' own files (`tokenizer.json`, `tekken.json`, `tiktoken_ext/openai_public.py`) or, where a
tokenizer splits in several steps, from the table in llama.cpp's `src/llama-vocab.cpp`, one pattern for each step.
BLOOM's and Kimi's are written without their sets in sets, which `regex` interprets differently from Oniguruma.

"gpt2" is the pattern of ByteLevel, and so of GPT-NeoX, OLMo and Phi too; "cl100k" that of Llama 3; "o200k" that of
GPT-4o and gpt-oss. `published_steps` has the tokenizers with several steps.
"""

from bpe import PATTERNS

_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SPELLED = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"

PUBLISHED = {
    **PATTERNS,
    "GPT-2, first spelling": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "GPT-2 in tiktoken": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k in tiktoken": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
        r"|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    "Qwen 2 and 3": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "Qwen 3.5": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "Mistral's tekken": (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "tekken in llama.cpp": (
        r"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+"
        r"|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "o200k in llama.cpp": (
        rf"[^\r\n\p{{L}}\p{{N}}]?((?=[\p{{L}}])([^a-z]))*((?=[\p{{L}}])([^A-Z]))+{_SPELLED}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?((?=[\p{{L}}])([^a-z]))+((?=[\p{{L}}])([^A-Z]))*{_SPELLED}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "DeepSeek V3, numbers": r"\p{N}{1,3}",
    "DeepSeek V3, Han": "[一-龥\u3040-ゟ゠-ヿ]+",
    "DeepSeek V3": (
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "DeepSeek LLM, letters": r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ𐐀-𐑏𐒰-𐓓𞤀-𞥃]+",
    "DeepSeek LLM, signs": "\\s?[!-/:-~！-／：-～\u2018-\u201f\u3000-。]+",
    "DeepSeek LLM, spaces": r"\s+$",
    "DeepSeek LLM, Han": "[一-龥\u0800-一가-\ud7ff]+",
    "StarCoder and SmolLM, digits": r"\p{N}",
    "Falcon, signs": r"[\p{P}\$\+<=>\^~\|`]+",
    "Falcon, numbers": r"[0-9][0-9][0-9]",
    "BLOOM": r" ?[^(\s|.,!?…。，、।۔،)]+",
    "Chameleon, images": r"(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
    "Chameleon, white space": r"([\t\n]|    |  )",
    "Chameleon, signs": r"[\p{P}!-/:-@\[-`{-~]",
    # llama.cpp, CHATGLM4
    "GLM-4": (
        rf"{_SPELLED}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    # tokenization_moonshot.py of moonshotai/Moonlight-16B-A3B, which Kimi K2 has too; `[…&&[^\p{Han}]]` as look-ahead
    "Kimi K2": (
        r"[\p{Han}]+"
        rf"|[^\r\n\p{{L}}\p{{N}}]?(?:(?!\p{{Han}}){_UPPER})*(?:(?!\p{{Han}}){_LOWER})+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?(?:(?!\p{{Han}}){_UPPER})+(?:(?!\p{{Han}}){_LOWER})*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "BailingMoE": (
        r"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "Seed-Coder": (
        rf"{_SPELLED}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{L}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "nanochat": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "CLIP": r"<\|startoftext\|>|<\|endoftext\|>|(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "Youtu, scripts": "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+",
    "lines": r"[^\n]+|[\n]+",
    "the whole text": r"[\s\S]+",
}

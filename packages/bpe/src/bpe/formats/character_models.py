"""The model and the decoder in a `tokenizer.json` of BPE over characters."""

from typing import Any

from bpe.character_model import CharacterModel
from bpe.formats.parts import TokenizerFileError
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.sequences import steps_of


def model_options(model: CharacterModel) -> dict[str, Any]:
    """Return the options of the model in a file."""
    return {
        "unk_token": model.unknown,
        "fuse_unk": model.fuse_unknown,
        "byte_fallback": model.byte_fallback,
    }


def decoder_to_json(model: CharacterModel) -> dict[str, Any]:
    """Return the decoder that turns tokens into text as the model does."""
    steps: list[dict[str, Any]] = []
    if model.mark:
        steps.append({"type": "Replace", "pattern": {"String": model.mark}, "content": " "})
    if model.decodes_bytes:
        steps.append({"type": "ByteFallback"})
    steps.append({"type": "Fuse"})
    if model.strips_space:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {"type": "Sequence", "decoders": steps}


def character_model_from_json(content: dict[str, Any], path: FilePath) -> CharacterModel:
    """Return the character model of a file, from its model and its decoder.

    Raises:
        TokenizerFileError: an option is malformed, or the decoder does something that this package cannot do.
    """
    model = content["model"]
    byte_fallback, fuse_unknown = model.get("byte_fallback", False), model.get("fuse_unk", False)
    unknown = model.get("unk_token")
    for name, value in (("byte_fallback", byte_fallback), ("fuse_unk", fuse_unknown)):
        if not isinstance(value, bool):
            raise TokenizerFileError(f"{path}: its model has {name} = {shown(value)}: give true or false")
    if unknown is not None and (not isinstance(unknown, str) or unknown not in model["vocab"]):
        raise TokenizerFileError(f"{path}: its model has unk_token = {shown(unknown)}, which is not in the vocabulary")
    mark, decodes_bytes, strips_space = _decoding(content.get("decoder"), path)
    return CharacterModel(byte_fallback, unknown, fuse_unknown, mark, decodes_bytes, strips_space)


def _decoding(decoder: Any, path: FilePath) -> tuple[str, bool, bool]:
    """Return the mark for a space, whether byte tokens are decoded, and whether a space at the start is removed."""
    mark, decodes_bytes, strips_space = "", False, False
    is_fused = False
    for step in steps_of(decoder, "decoder", "decoders", path):
        match step:
            case {"type": "Replace", "pattern": {"String": str(text)}, "content": " "} if not (is_fused or text[1:]):
                mark = text
            case {"type": "ByteFallback"} if not is_fused:
                decodes_bytes = True
            case {"type": "Fuse"}:
                is_fused = True
            case {"type": "Strip", "content": " ", "start": 0 | 1 as start, "stop": 0} if is_fused:
                strips_space = start == 1
            case {"type": "Metaspace", "replacement": str(mark)} if not is_fused:
                scheme = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
                strips_space = scheme != "never"
                is_fused = True
            case _:
                refuse(True, path, f"its decoder has the step {shown(step)}")
    refuse(decoder is None, path, "it has no decoder, so the library puts spaces between all tokens")
    return mark, decodes_bytes, strips_space

"""SentencePiece's `.model`: a message of Protocol Buffers with pieces, their scores, and how a text is normalized.

The numbers of the fields are those of `sentencepiece_model.proto` in SentencePiece's repository. Models of type BPE can
be read, which Llama 2, Mistral 7B and llama2.c's own tokenizers have; those of T5 and ALBERT are of type unigram.
"""

from collections.abc import Mapping

import regex

from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.protobuf import Field, read_fields
from bpe.formats.reading import FilePath, read_bytes, refuse, shown
from bpe.formats.scored_pieces import Kind, PieceOptions, ScoredPiece, check_count, tokenizer_of_pieces

_PIECE, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5
"""The fields of a model."""

_TEXT, _SCORE, _KIND = 1, 2, 3
"""The fields of a piece."""

_MODEL_TYPE, _SPACE_AS_SUFFIX, _BYTE_FALLBACK, _BEGIN = 3, 24, 35, 46
"""Fields of the trainer's settings."""

_NAME, _CHARACTER_MAP, _PREFIX, _REMOVES_SPACES, _MARKS_SPACES = 1, 2, 3, 4, 5
"""Fields of a normalizer's settings."""

_MODEL_TYPES = {1: "unigram", 2: "BPE", 3: "word", 4: "char"}
_KINDS: dict[int, Kind] = {1: "normal", 2: "unknown", 3: "control", 4: "user-defined", 6: "byte"}
_UNUSED = 5
_TIKTOKEN_LINE = regex.compile(rb"[A-Za-z0-9+/]+=* [0-9]+\s")

_Values = Mapping[int, int | float | bytes]
_DEFAULTS: dict[int, _Values] = {
    _PIECE: {_TEXT: b"", _SCORE: 0.0, _KIND: 1},
    _TRAINER: {_MODEL_TYPE: 1, _SPACE_AS_SUFFIX: 0, _BYTE_FALLBACK: 0, _BEGIN: b"<s>"},
    _NORMALIZER: {_NAME: b"", _CHARACTER_MAP: b"", _PREFIX: 1, _REMOVES_SPACES: 1, _MARKS_SPACES: 1},
    _DENORMALIZER: {_CHARACTER_MAP: b""},
}
"""The values of fields that a file does not contain."""


def read_sentencepiece(path: FilePath) -> TokenizerParts:
    """Read a SentencePiece model of type BPE.

    Raises:
        TokenizerFileError: the file is damaged, or needs something that this package cannot do exactly, such as
            another type of model, or normalization by a table of characters.
        OSError: the file cannot be read.
    """
    content = read_bytes(path)
    if _TIKTOKEN_LINE.match(content):
        raise TokenizerFileError(
            f"{path} is not a SentencePiece model but a .tiktoken file, which contains neither the pattern nor the "
            "special tokens: give them to Tokenizer.from_tiktoken, or rename the file to .tiktoken for commands"
        )
    settings = dict(_DEFAULTS)
    pieces: list[ScoredPiece] = []
    for field in read_fields(content, path):
        if field.number == _PIECE:
            check_count(len(pieces), path)
            pieces.append(_piece(_values(field, _DEFAULTS[_PIECE], path), len(pieces), path))
        elif field.number in settings:
            settings[field.number] = _values(field, settings[field.number], path)
    if not pieces:
        raise TokenizerFileError(f"{path} has no pieces: it is damaged, or not a SentencePiece model")
    trainer, normalizer = settings[_TRAINER], settings[_NORMALIZER]
    _refuse_other_settings(trainer, normalizer, settings[_DENORMALIZER], path)
    options = PieceOptions(
        has_prefix=bool(normalizer[_PREFIX]),
        removes_spaces=bool(normalizer[_REMOVES_SPACES]),
        begin=_string(trainer[_BEGIN], path),
    )
    return tokenizer_of_pieces(pieces, options, path)


def _refuse_other_settings(trainer: _Values, normalizer: _Values, denormalizer: _Values, path: FilePath) -> None:
    """Raise an error for settings with which the ids could not be reproduced exactly."""
    model_type = trainer[_MODEL_TYPE]
    name = _MODEL_TYPES.get(model_type) if isinstance(model_type, int) else None
    refuse(name != "BPE", path, f"its model is of type {name or shown(model_type)}, not BPE")
    refuse(
        normalizer[_CHARACTER_MAP] != b"",
        path,
        f"it normalizes characters by a table ({_string(normalizer[_NAME], path) or 'without a name'}), not by "
        "'identity'",
    )
    refuse(denormalizer[_CHARACTER_MAP] != b"", path, "it changes decoded texts by a table")
    refuse(not normalizer[_MARKS_SPACES], path, "its pieces have spaces as they are (escape_whitespaces is false)")
    suffix = bool(trainer[_SPACE_AS_SUFFIX] and normalizer[_PREFIX])
    refuse(suffix, path, "it puts a space behind a text (treat_whitespace_as_suffix is true)")


def _piece(values: _Values, token_id: int, path: FilePath) -> ScoredPiece:
    text, score, number = _string(values[_TEXT], path), values[_SCORE], values[_KIND]
    if number == _UNUSED:
        refuse(True, path, f"its piece {shown(text)} is marked as unused")
    kind = _KINDS.get(number) if isinstance(number, int) else None
    if kind is None or not isinstance(score, float):
        raise TokenizerFileError(
            f"{path}: piece {token_id} ({shown(text)}) has the type {shown(number)}, which is unknown"
        )
    return ScoredPiece(text, score, kind)


def _values(message: Field, defaults: _Values, path: FilePath) -> _Values:
    """Return the values of the known fields of a message, which are of the types that their defaults have."""
    if not isinstance(message.value, bytes):
        raise _unexpected(message, path)
    values = dict(defaults)
    for field in read_fields(message.value, path, message.offset):
        if field.number in values:
            if type(field.value) is not type(values[field.number]):
                raise _unexpected(field, path)
            values[field.number] = field.value
    return values


def _unexpected(field: Field, path: FilePath) -> TokenizerFileError:
    return TokenizerFileError(
        f"{path}, offset {field.offset}: field {field.number} has a value of another type: the file is damaged, or not "
        "a SentencePiece model"
    )


def _string(value: int | float | bytes, path: FilePath) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else ""
    except UnicodeDecodeError:
        raise TokenizerFileError(f"{path}: {shown(value)} is not UTF-8: the file is damaged") from None

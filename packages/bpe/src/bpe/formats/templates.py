"""The post-processor in a `tokenizer.json`: the tokens around a text, as a template."""

from collections.abc import Container, Sequence
from typing import Any

from bpe.formats.parts import TokenizerFileError
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.formats.token_table import check_id
from bpe.templates import SECOND_TEXT, TEXT, TEXT_ALONE, Piece, Template


def template_to_json(template: Template) -> dict[str, Any] | None:
    """Return the post-processor that applies a template, None if it adds nothing."""
    if template == TEXT_ALONE:
        return None
    tokens = [piece for piece in (*template.single, *template.pair) if piece.ids is not None]
    return {
        "type": "TemplateProcessing",
        "single": _pieces_to_json(template.single),
        "pair": _pieces_to_json(template.pair),
        "special_tokens": {
            piece.name: {"id": piece.name, "ids": list(piece.ids or ()), "tokens": [piece.name] * len(piece.ids or ())}
            for piece in tokens
        },
    }


def _pieces_to_json(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    return [
        {"Sequence" if piece.ids is None else "SpecialToken": {"id": piece.name, "type_id": piece.type_id}}
        for piece in pieces
    ]


def template_from_json(part: Any, vocab: Container[int], path: FilePath) -> Template:
    """Return the template of a post-processor.

    ByteLevel affects positions only. `BertProcessing` and `RobertaProcessing` are templates with a fixed form.

    Raises:
        TokenizerFileError: the post-processor is malformed, of another type, or adds ids that are not in `vocab`; or
            there are several that add tokens.
    """
    steps = [step for step in steps_of(part, "post_processor", "processors", path) if step["type"] != "ByteLevel"]
    refuse(len(steps) > 1, path, f"its post_processor has {len(steps)} steps that add tokens, of which one is possible")
    template = _template(steps[0], path) if steps else TEXT_ALONE
    for piece in (*template.single, *template.pair):
        for token_id in piece.ids or ():
            if token_id not in vocab:
                raise TokenizerFileError(
                    f"{path}: its post_processor adds {shown(piece.name)} with the id {token_id}, which is not in the "
                    "vocabulary"
                )
    return template


def _template(step: dict[str, Any], path: FilePath) -> Template:
    match step:
        case {"type": "TemplateProcessing", "single": list(single), "pair": list(pair), "special_tokens": dict(tokens)}:
            try:
                return Template(_pieces(single, tokens, path), _pieces(pair, tokens, path))
            except TokenizerFileError:
                raise
            except ValueError as error:
                raise TokenizerFileError(f"{path}: {error}") from None
        case {"type": "BertProcessing", "cls": [str(cls), cls_id], "sep": [str(sep), sep_id]}:
            begin, end = _token(cls, [cls_id], path), _token(sep, [sep_id], path)
            second_end = Piece(sep, end.ids, type_id=1)
            return Template((begin, TEXT, end), (begin, TEXT, end, SECOND_TEXT, second_end))
        case {"type": "RobertaProcessing", "cls": [str(cls), cls_id], "sep": [str(sep), sep_id]}:
            begin, end = _token(cls, [cls_id], path), _token(sep, [sep_id], path)
            return Template((begin, TEXT, end), (begin, TEXT, end, end, Piece("B"), end))
        case {"type": "TemplateProcessing" | "BertProcessing" | "RobertaProcessing" as name}:
            raise TokenizerFileError(f"{path}: its post_processor is a {name} with missing or wrong fields")
    refuse(True, path, f"its post_processor has a step of type {shown(step['type'])}")
    raise AssertionError("refuse raises")


def _pieces(content: list[Any], tokens: dict[str, Any], path: FilePath) -> tuple[Piece, ...]:
    return tuple(_piece(entry, tokens, path) for entry in content)


def _piece(entry: Any, tokens: dict[str, Any], path: FilePath) -> Piece:
    match entry:
        case {"Sequence": {"id": "A" | "B" as name, "type_id": int(type_id)}}:
            return Piece(name, None, type_id)
        case {"SpecialToken": {"id": str(name), "type_id": int(type_id)}} if isinstance(tokens.get(name), dict):
            return Piece(name, _token(name, tokens[name].get("ids"), path).ids, type_id)
    raise TokenizerFileError(f"{path}: the template in its post_processor has the piece {shown(entry)}")


def _token(name: str, ids: Any, path: FilePath) -> Piece:
    if not isinstance(ids, list):
        raise TokenizerFileError(f"{path}: the template in its post_processor has no ids for {shown(name)}")
    return Piece(name, tuple(check_id(token_id, name, path) for token_id in ids))

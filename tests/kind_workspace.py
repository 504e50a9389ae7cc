"""A workspace for the kinds of members, on texts and token files that a test gives."""

from bpe import Tokenizer, encode_file, train_bpe
from experimentation.workspace import TextSource, Workspace
from text_data import END_OF_TEXT


def make_text(name, train, valid, folder, vocab_size=300):
    """Train a tokenizer on a text, and encode its two parts."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(*train_bpe(train, vocab_size, [END_OF_TEXT]), [END_OF_TEXT])
    tokenizer.save(folder / "tokenizer.json")
    for part, text in (("train", train), ("valid", valid)):
        encode_file(tokenizer, text, folder / f"{part}.bin")
    return TextSource(
        name=name,
        source="given",
        train_text=train,
        valid_text=valid,
        tokenizer=folder / "tokenizer.json",
        train_tokens=folder / "train.bin",
        valid_tokens=folder / "valid.bin",
        vocab_size=vocab_size,
        digest=name,
    )


def make_workspace(folder, texts, used_run=None):
    """Stories as the first corpus, and a few lines of other text as the second one."""
    member = folder / "member"
    member.mkdir(parents=True)
    lines = "".join(f"Line {number}: naïve façades, {number * 7919} of them.\n" for number in range(400))
    (folder / "web_train.txt").write_text(lines, "utf-8")
    (folder / "web_valid.txt").write_text("A line that is new: façade 12345.\n" * 5, "utf-8")
    return Workspace(
        folder=member,
        text=make_text("stories", texts / "train.txt", texts / "valid.txt", folder / "stories"),
        other_text=make_text("lines", folder / "web_train.txt", folder / "web_valid.txt", folder / "web", 270),
        scale=None,
        used_run=used_run,
        device="cpu",
    )

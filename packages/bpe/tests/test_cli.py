import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import types
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bpe import Tokenizer, open_token_file, progress, read_token_file_info, write_token_file
from bpe.cli import build_parser, main
from bpe.commands import COMMANDS, decode, encode, files
from bpe.commands.decode import parse_ids

from .conftest import END, SCRIPTS

TEXT = SCRIPTS + END + "\r\n" + SCRIPTS[::-1]
COMMAND = [sys.executable, "-m", "bpe"]


@pytest.fixture
def folder(tmp_path, monkeypatch, tokenizer):
    """A folder to work in, with a tokenizer and some texts."""
    tokenizer.save(tmp_path / "tokenizer.json")
    (tmp_path / "pair").mkdir()
    tokenizer.save_gpt2(tmp_path / "pair" / "vocab.json", tmp_path / "pair" / "merges.txt")
    (tmp_path / "text.txt").write_bytes(TEXT.encode())
    (tmp_path / "other.txt").write_bytes(b"once upon a time")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, capfdbinary):
    """Run a command line in this process; return its exit code, output and errors."""

    def run(*arguments):
        capfdbinary.readouterr()
        code = main(list(map(str, arguments)))
        output, errors = capfdbinary.readouterr()
        return code, output.decode(), errors.decode()

    return run


def piped(*arguments, stdin=b"", **environment):
    done = subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr.decode()


def lines(ids):
    return "".join(f"{token_id}\n" for token_id in ids)


# ---------------------------------------------------------------- encode and decode


def test_encode_writes_one_id_a_line(run, tokenizer):
    assert run("encode", "tokenizer.json", "text.txt") == (0, lines(tokenizer.encode(TEXT)), "")


def test_encode_and_decode_are_filters(folder, tokenizer):
    ids = lines(tokenizer.encode(TEXT)).encode()
    assert piped("encode", "tokenizer.json", stdin=TEXT.encode()) == (0, ids, "")
    assert piped("encode", "tokenizer.json", "-", stdin=TEXT.encode()) == (0, ids, "")
    # In a locale without UTF-8 as well: bytes are bytes.
    assert piped("decode", "tokenizer.json", stdin=ids, PYTHONIOENCODING="ascii") == (0, TEXT.encode(), "")


def test_several_texts_are_encoded_one_by_one(run, tokenizer):
    ids = tokenizer.encode(TEXT) + tokenizer.encode("once upon a time")
    assert run("encode", "tokenizer.json", "text.txt", "other.txt") == (0, lines(ids), "")
    code, output, errors = run("encode", "tokenizer.json", "text.txt", "other.txt", "--out", "both.bin")
    assert (code, output, errors) == (0, f"both.bin: {len(ids):,} ids of uint16\n", "")
    assert open_token_file("both.bin").tolist() == ids
    assert read_token_file_info("both.bin").text_bytes == len(TEXT.encode()) + len("once upon a time")


@pytest.mark.parametrize(
    "arguments",
    [
        "encode pair --pattern gpt2 text.txt --special-token <|endoftext|> other.txt",
        "encode --pattern gpt2 pair text.txt other.txt",
        "encode pair text.txt other.txt --pattern gpt2",
        "encode --pattern=gpt2 -- pair text.txt other.txt",
    ],
)
def test_options_may_stand_anywhere(run, tokenizer, arguments):
    ids = tokenizer.encode(TEXT) + tokenizer.encode("once upon a time")
    assert run(*arguments.split()) == (0, lines(ids), "")


@pytest.mark.parametrize("threads", [[], ["--threads", "2"]])
def test_token_files(run, tokenizer, threads):
    ids = tokenizer.encode(TEXT)
    code, output, errors = run("encode", "tokenizer.json", "text.txt", "--out", "text.bin", *threads)
    assert (code, output, errors) == (0, f"text.bin: {len(ids):,} ids of uint16\n", "")
    assert open_token_file("text.bin").tolist() == ids
    assert run("decode", "tokenizer.json", "text.bin") == (0, TEXT, "")


def test_ids_that_are_no_utf8_are_shown_as_such(folder):
    Tokenizer({byte: bytes([byte]) for byte in range(256)}, []).save("bytes.json")
    assert piped("decode", "bytes.json", stdin=b"97 231 98\n231") == (0, "a\ufffdb\ufffd".encode(), "")


def test_decode_warns_of_another_tokenizer(run, trained):
    Tokenizer(*trained).save("without.json")
    run("encode", "tokenizer.json", "other.txt", "--out", "other.bin")
    warning = "warning: other.bin was made with another tokenizer than without.json\n"
    assert run("decode", "without.json", "other.bin") == (0, "once upon a time", warning)
    write_token_file("unknown.bin", [98, 99], 1200)
    assert run("decode", "tokenizer.json", "unknown.bin") == (0, "ab", "")


def test_decode_answers_at_once(folder):
    with subprocess.Popen([*COMMAND, "decode", "tokenizer.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        for ids, text in [(b"98 99 ", b"ab"), (b"100\n", b"c")]:
            p.stdin.write(ids)
            p.stdin.flush()
            assert p.stdout.read(len(text)) == text  # standard input is still open
        p.stdin.close()
        assert p.wait() == 0


@given(
    ids=st.lists(st.integers(0, 2**32 - 1)),
    spaces=st.lists(st.sampled_from(" \n\t"), min_size=1),
    size=st.integers(1, 9),
)
def test_ids_are_parsed_wherever_the_stream_is_cut(ids, spaces, size):
    text = "".join(f"{token_id}{spaces[i % len(spaces)]}" for i, token_id in enumerate(ids))
    for content in (text, text.strip(), " " + text):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decode, "_CHUNK_BYTES", size)
            assert [token_id for some in parse_ids(io.BytesIO(content.encode())) for token_id in some] == ids


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2 x3", "'x3' in place 3"),
        (b"1 -2 ", "'-2' in place 2"),
        (b"1 2.5", "'2.5' in place 2"),
        ("1 ２".encode(), r"'２' in place 2"),
        (b"\xff", r"'\\\\xff' in place 1"),
        (b"7 " * 50_000 + b"a", "'a' in place 50001"),
        (b"1" * 10**6, "'11111111111111111111' in place 1"),
    ],
)
def test_what_is_no_id_is_named(content, message):
    with pytest.raises(ValueError, match=f"standard input has {message}: give ids with white space between them"):
        list(parse_ids(io.BytesIO(content)))


def test_a_long_word_is_refused_before_it_is_read_whole():
    file = io.BytesIO(b"1" * 10**7)
    with pytest.raises(ValueError):
        list(parse_ids(file))
    assert file.tell() < 10**6


# ---------------------------------------------------------------- tokenizers in their formats


@pytest.mark.parametrize("name", ["tokenizer.json", "pair", "."])
def test_tokenizers_of_every_format(run, tokenizer, name):
    assert run("encode", name, "text.txt") == (0, lines(tokenizer.encode(TEXT)), "")


def test_what_a_folder_does_not_tell_can_be_told(run, trained, folder):
    told = Tokenizer(*trained, ["once", END], pattern="cl100k")
    options = ["--special-token", "once", "--special-token", END, "--pattern", "cl100k"]
    assert run("encode", "pair", "text.txt", "other.txt", *options)[1] == lines(
        told.encode(TEXT) + told.encode("once upon a time")
    )
    assert files.load_tokenizer(folder / "pair").special_tokens == {END: 0}


# ---------------------------------------------------------------- count and inspect


def test_count(run, tokenizer):
    count, size = len(tokenizer.encode(TEXT)), len(TEXT.encode())
    code, output, _ = run("count", "tokenizer.json", "text.txt")
    assert code == 0
    assert output.splitlines()[1].split() == [f"{count:,}", f"{size:,}", f"{size / count:.2f}", "text.txt"]
    assert len(output.splitlines()) == 2
    _, output, _ = run("count", "tokenizer.json", "text.txt", "other.txt")
    count, size = count + len(tokenizer.encode("once upon a time")), size + 16
    assert output.splitlines()[3].split() == [f"{count:,}", f"{size:,}", f"{size / count:.2f}", "total"]


def test_count_reads_standard_input(folder, tokenizer):
    code, output, errors = piped("count", "tokenizer.json", stdin=b"once upon a time")
    assert (code, errors) == (0, "")
    assert output.split()[3:5] == [str(len(tokenizer.encode("once upon a time"))).encode(), b"16"]


def test_inspect_tells_of_the_tokenizer(run):
    code, output, _ = run("inspect", "tokenizer.json", "--longest", "3", "--file", "other.txt")
    summary, longest, size = output.split("\n\n")
    assert code == 0
    assert f"special tokens  {END} (0)" in summary
    assert len(longest.splitlines()) == 4
    assert size.splitlines()[1].endswith("other.txt")


def test_inspect_shows_tokens(run, tokenizer):
    shown = run("inspect", "tokenizer.json", "--text", "a\tb\n", "--ids")[1].split("\n\n", 1)[1]
    assert (
        shown
        == "│".join(f"{t}⟨{i}⟩" for t, i in zip(["a", r"\t", "b", "⏎\n"], tokenizer.encode("a\tb\n"), strict=True))
        + "\n"
    )
    assert "\x1b[38;5;16;48;5;" in run("inspect", "tokenizer.json", "--text", "a", "--color", "always")[1]


def test_inspect_reads_standard_input_and_bears_any_terminal(folder):
    code, output, errors = piped(
        "inspect", "tokenizer.json", "--text", "-", stdin="é\n".encode(), PYTHONIOENCODING="ascii"
    )
    assert (code, errors) == (0, "")
    assert output.endswith(b"\n\\xe9\\u2502\\u23ce\n\n")


def test_an_error_stands_alone_on_a_terminal(folder, monkeypatch, capfd):
    """What was shown of the progress is wiped before the message."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    (folder / "cut.txt").write_bytes(b"to be or not to be\n" * 100_000 + b"\xff")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)
    for arguments, is_shown in [
        (["count", "tokenizer.json", "cut.txt"], True),
        (["encode", "tokenizer.json", "cut.txt"], False),  # the ids may go to the same terminal
        (["encode", "tokenizer.json", "cut.txt", "--out", "t.bin"], True),
        (["encode", "tokenizer.json", "other.txt", "cut.txt", "--out", "t.bin"], True),
    ]:
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert main(arguments) == 2
        *shown, message = sys.stderr.getvalue().split("\r")
        assert message.startswith("error: cut.txt is not UTF-8")
        assert bool(shown) is is_shown
        assert not shown or set(shown[-1]) == {" "}


@pytest.mark.parametrize(("variable", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_gets_colours_unless_it_declines(folder, variable, colored):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "", **variable}
    subprocess.run([*COMMAND, "inspect", "tokenizer.json", "--text", "a 9"], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    output = b""
    with suppress(OSError):  # how the end of a terminal is told
        while some := os.read(ours, 4096):
            output += some
    os.close(ours)
    assert (b"\x1b[" in output) is colored
    assert ("│".encode() in output) is not colored


# ---------------------------------------------------------------- mistakes and interruptions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: COMMAND (bpe --help lists all options)"),
        ("shred", "argument COMMAND: invalid choice: 'shred'"),
        ("encode", "the following arguments are required: TOKENIZER (bpe encode --help lists all options)"),
        ("encode tokenizer.json --fast", "unrecognized arguments: --fast"),
        ("encode nowhere.json text.txt", "nowhere.json does not exist: check its name"),
        ("encode tokenizer.json nowhere.txt", "nowhere.txt does not exist: check its name"),
        ("encode tokenizer.json nowhere.txt --out t.bin", "nowhere.txt does not exist: check its name"),
        ("encode tokenizer.json pair", "pair: Is a directory"),
        ("encode tokenizer.json empty.txt", "empty.txt is empty"),
        ("encode tokenizer.json latin.txt", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode tokenizer.json latin.txt --out t.bin", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode tokenizer.json text.txt latin.txt --out t.bin", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode text.txt text.txt", "text.txt is not valid JSON"),
        ("encode tokenizer.json text.txt --out text.txt", "text.txt would overwrite the input text.txt"),
        ("encode tokenizer.json text.txt --out tokenizer.json", "would overwrite the input tokenizer.json"),
        ("encode tokenizer.json text.txt --out none/t.bin", "the folder none for t.bin does not exist: make it first"),
        ("encode tokenizer.json text.txt --out t.bin --threads 0", "num_threads is 0: give a positive integer"),
        ("encode tokenizer.json text.txt --threads two", "argument --threads: invalid int value: 'two'"),
        ("encode tokenizer.json text.txt --pattern gpt2", "tokenizer.json names its special tokens and its pattern"),
        ("encode pair text.txt --pattern (", "split pattern '(' is neither one of gpt2"),
        (
            "encode none.tiktoken text.txt",
            "none.tiktoken does not hold its split pattern: give --pattern, such as gpt2",
        ),
        (
            "encode none.tiktoken text.txt --pattern gpt2 --special-token <a>",
            "'<a>' does not tell its id: give TOKEN=ID",
        ),
        ("encode none.tiktoken text.txt --pattern gpt2 --special-token =5", "'=5' does not tell its id: give TOKEN=ID"),
        ("encode bare text.txt", "bare holds neither tokenizer.json nor both vocab.json and merges.txt"),
        ("decode tokenizer.json text.txt", "text.txt.json does not exist: a token file has its description beside it"),
        ("decode tokenizer.json far.bin", "id 5000 is not in the vocabulary, whose largest id is 1199"),
        ("count tokenizer.json text.txt empty.txt", "empty.txt is empty"),
        ("inspect tokenizer.json --longest 0", "--longest is 0: give a positive number"),
        ("inspect tokenizer.json --ids", "--ids shows the ids of a text: give --text too"),
        ("inspect tokenizer.json --text \udcff", "the text has the surrogate '\\udcff' at character 0"),
    ],
)
def test_a_mistake_is_one_line(run, folder, arguments, message):
    (folder / "bare").mkdir()
    write_token_file("far.bin", [5000], 10_000)
    before = sorted(folder.rglob("*"))
    code, output, errors = run(*arguments.split(" ") if arguments else [])
    assert (code, output) == (2, "") or arguments.startswith("inspect")
    assert code == 2
    assert message in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_a_traceback_can_be_had(run, monkeypatch):
    monkeypatch.setenv("TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        run("encode", "nowhere.json", "text.txt")


def test_standard_input_is_named_in_errors(folder):
    code, _, errors = piped("count", "tokenizer.json", stdin=b"ab\xff")
    assert (code, errors.split(";")[0]) == (
        2,
        "error: standard input is not UTF-8: byte 0xff at offset 2 (invalid start byte)",
    )
    assert piped("decode", "tokenizer.json", stdin=b"12 ab")[0] == 2


def test_interrupting_leaves_no_half_file(folder):
    before = sorted(folder.iterdir())
    process = subprocess.Popen(
        [*COMMAND, "encode", "tokenizer.json", "-", "--out", "t.bin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        process.stdin.write(b"to be or not to be\n" * 1000)
        process.stdin.flush()
        while sorted(folder.iterdir()) == before:  # until the half-written file is there
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (process.returncode, output, errors) == (130, b"", b"\ninterrupted\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_a_reader_that_has_seen_enough_is_no_error(folder, tokenizer, command):
    text = TEXT * 500
    (folder / "long.txt").write_bytes(text.encode())
    write_token_file("long.bin", tokenizer.encode(text), tokenizer.vocab_size)
    name = {"encode": "long.txt", "decode": "long.bin"}[command]
    process = subprocess.Popen(
        [*COMMAND, command, "tokenizer.json", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# ---------------------------------------------------------------- what is loaded


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "tokenizer.json", "text.txt"],
        ["encode", "tokenizer.json", "text.txt", "--out", "t.bin"],
        ["decode", "tokenizer.json", "text.bin"],
        ["count", "tokenizer.json", "text.txt", "other.txt"],
        ["inspect", "tokenizer.json", "--text", "a", "--longest", "3", "--file", "text.txt"],
    ],
)
def test_short_work_loads_neither_numpy_nor_numba(folder, tokenizer, arguments):
    write_token_file("text.bin", tokenizer.encode(TEXT), tokenizer.vocab_size)
    program = (
        "import sys; from bpe.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(code or sorted({'numpy', 'numba'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_warmup_needs_the_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpe.kernels", None)
    monkeypatch.setitem(sys.modules, "bpe.kernels.loading", None)
    code, output, errors = run("warmup")
    assert (code, output) == (2, "")
    assert "install the package with its extra, bpe[fast]" in errors
    assert errors.count("\n") == 1


def test_warmup_compiles(run, monkeypatch):
    compiled = []
    kernels = types.ModuleType("bpe.kernels")
    kernels.loading = types.SimpleNamespace(warmup=lambda: compiled.append("all"))
    monkeypatch.setitem(sys.modules, "bpe.kernels", kernels)
    monkeypatch.setitem(sys.modules, "bpe.kernels.loading", kernels.loading)
    code, output, errors = run("warmup")
    assert (code, compiled, errors) == (0, ["all"], "")
    assert output.startswith("compiled in 0.")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in ["train", "encode", "inspect"])])
def test_help(folder, arguments):
    code, output, errors = piped(*arguments)
    assert (code, errors) == (0, "")
    assert output.startswith(b"usage: bpe")


def test_the_commands_of_the_readme_are_understood():
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    commands = [
        shlex.split(command, comments=True)
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        for command in line.split(" | ")
        if command.startswith("bpe ")
    ]
    assert {command[1] for command in commands} == set(COMMANDS)
    for command in commands:
        assert build_parser().parse_args(command[1:]).command == command[1]


def test_ids_come_out_while_the_text_is_read(folder, tokenizer, monkeypatch, capfd):
    """Constant memory: the text's chunks and the lines of ids take turns."""
    events = []

    def chunks():
        for _ in range(20):
            events.append("read")
            yield "to be or not to be\n" * 500

    monkeypatch.setattr(encode, "_LINES_AT_ONCE", 1000)
    original = encode.islice

    def counting(ids, size):
        events.append("write")
        return original(ids, size)

    monkeypatch.setattr(encode, "islice", counting)
    encode._write_lines(tokenizer.encode_iterable(chunks()))
    assert events.count("read") == 20
    assert "write" in events[events.index("read") : len(events) - events[::-1].index("read")]
    assert len(capfd.readouterr().out.splitlines()) == len(tokenizer.encode("to be or not to be\n" * 10_000))

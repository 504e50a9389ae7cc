"""What the pages say is so: files exist, options exist, examples run."""

import json
import re
import shlex
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from text_run import TextRunConfig
from trainer import parse_config

from .conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "packages").glob("*/README.md"))]


def commands(page):
    """The shell commands of a page, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_two_commands_stand_in_the_readme():
    assert {"uv run apps/quickstart.py", "uv run nox -s tests"} <= set(commands(ROOT / "README.md"))


@pytest.mark.parametrize("command", commands(ROOT / "README.md"))
def test_commands_name_what_exists(command):
    words = shlex.split(command)
    for word in words:
        if word.startswith(("apps/", "configs/")):
            assert (ROOT / word).is_file(), word
    if "apps/train" in command:
        options = [word for word in words[3:] if "--resume" not in command]
        parse_config(TextRunConfig, [str(ROOT / word) if word.startswith("configs/") else word for word in options])


@pytest.mark.parametrize("page", sorted((ROOT / "packages").glob("*/README.md")), ids=lambda page: page.parent.name)
def test_the_map_of_a_package_names_all_its_files(page):
    source = page.parent / "src" / page.parent.name
    text = page.read_text("utf-8")
    files = {path.relative_to(source).as_posix() for path in source.rglob("*.py") if path.name != "__init__.py"}
    folders = re.findall(r"`((?:\w+/)+)`", text)  # a folder that is named alone, with all that is in it
    named = set(re.findall(r"`(?:src/\w+/)?((?:\w+/)*\w+\.py)`", text)) - {"__init__.py"}
    whole = [folder for folder in folders if not any(name.startswith(folder) for name in named)]
    assert named == {file for file in files if not file.startswith(tuple(whole))}


@pytest.mark.parametrize("page", sorted((ROOT / "packages").glob("*/README.md")), ids=lambda page: page.parent.name)
def test_the_dependencies_of_a_package_have_their_reasons(page):
    declared = re.search(r"^dependencies = \[(.*?)\]", (page.parent / "pyproject.toml").read_text(), re.M | re.S)[1]
    reasons = page.read_text("utf-8").split("## Dependencies")[1]
    for name in re.findall(r'"([\w-]+)', declared):
        assert f"`{name}`" in reasons, name


def test_the_tokenizers_example_runs(tmp_path, texts):
    for folder in ("texts", "tokens"):
        (tmp_path / folder).mkdir()
    for name in ("corpus.txt", "one.txt", "two.txt", "texts/000.txt"):
        (tmp_path / name).write_bytes((texts / "train.txt").read_bytes())
    content = [(texts / "train.txt").read_text()]
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(json.dumps({"content": content[0]}).encode()))
    pyarrow.parquet.write_table(pyarrow.table({"content": content}), tmp_path / "b.parquet")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "packages" / "bpe" / "README.md").read_text("utf-8"), re.S)
    program = "rows = [{'text': 'low lower lowest'}]\n" + "\n".join(blocks)
    program = program.replace("vocab_size=10_000", "vocab_size=400").replace("32_000", "400")
    program = program.replace('read_text("big.txt")', 'read_text("corpus.txt")')
    program = re.sub(r"Tokenizer.from_(files|tiktoken).*\n", "", program)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "corpus.bin").is_file()


@pytest.mark.parametrize("package", ["nn", "optim"])
def test_the_examples_of_the_other_packages_run(package, tmp_path):
    page = (ROOT / "packages" / package / "README.md").read_text("utf-8")
    program = "\n".join(re.findall(r"```python\n(.*?)```", page, re.S))
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)


def test_the_trainers_example_runs(tmp_path, trained_run):
    for name in ("train", "valid"):
        for end in (".bin", ".bin.json"):
            (tmp_path / f"{name}{end}").write_bytes((trained_run / "tokens" / f"{name}{end}").read_bytes())
    page = (ROOT / "packages" / "trainer" / "README.md").read_text("utf-8")
    program = "\n".join(re.findall(r"```python\n(.*?)```", page, re.S)[:3])
    small = (
        '"--data.valid_tokens", "valid.bin", "--training.steps=1", "--training.batch_size=1", "--model.num_layers=1"'
    )
    program = program.replace('"--data.valid_tokens", "valid.bin"', small + ', "--training.eval_batches=1"')
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout.endswith("torch.Size([8, 16])\nTrue\n")
    assert (tmp_path / "runs" / "run" / "checkpoints" / "step_00000001").is_dir()

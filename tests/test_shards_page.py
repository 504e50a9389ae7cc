"""The programs of docs/shards.md, as tasks of an array of Slurm jobs run them."""

import json
import re
import subprocess
import sys

from bpe import Tokenizer, encode_file, train_bpe

from .conftest import ROOT

END = "<|endoftext|>"
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "shards.md").read_text("utf-8"), re.DOTALL)


def run(program, folder, environment):
    outcome = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.splitlines()


def test_the_programs_for_slurm(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "tokens").mkdir()
    for k in range(3):
        (tmp_path / "texts" / f"{k}.jsonl").write_text(json.dumps({"text": f"One {k}."}) + "\n")
    (tmp_path / "sample.txt").write_text("One, two, three.")
    tokenizer = Tokenizer(*train_bpe(tmp_path / "sample.txt", 260, [END]), [END])
    tokenizer.save(tmp_path / "tokenizer.json")
    encode_part, write_manifest = PROGRAMS
    lines = [
        run(encode_part, tmp_path, {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2"}) for task in ("0", "1")
    ]
    assert [[line.split()[0] for line in some] for some in lines] == [["0.jsonl.bin", "2.jsonl.bin"], ["1.jsonl.bin"]]
    counts = [int(line.split()[1]) for some in lines for line in some]
    assert run(write_manifest, tmp_path, {}) == [f"{sum(counts)} tokens in 3 shards"]
    encode_file(tokenizer, tmp_path / "texts" / "0.jsonl", tmp_path / "alone.bin", separator=END)
    assert (tmp_path / "tokens" / "0.jsonl.bin").read_bytes() == (tmp_path / "alone.bin").read_bytes()

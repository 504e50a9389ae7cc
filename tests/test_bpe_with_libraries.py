"""A tokenizer in the hands of other libraries: data loaders with workers, and data sets that are mapped in processes.

Each test runs a program of its own, since workers that are forked inherit everything that a process has loaded.
"""

import json
import os
import subprocess
import sys

import pytest

from bpe import Tokenizer, train_bpe

END = "<|endoftext|>"
DOCUMENTS = [f"Document {k}: naïve café, 狐 and 👍. " + "the quick brown fox " * (k % 9) for k in range(60)]


@pytest.fixture
def folder(tmp_path):
    tokenizer = Tokenizer(*train_bpe(iter(DOCUMENTS), 350, [END]), [END])
    tokenizer.save(tmp_path / "tokenizer.json")
    rows = "".join(json.dumps({"text": document}) + "\n" for document in DOCUMENTS)
    (tmp_path / "texts.jsonl").write_text(rows)
    return tmp_path


def run(folder, program):
    """Run a program in the folder, without a network; return what it prints."""
    (folder / "program.py").write_text(program)
    # A spawned process imports everything again, which is fast only where Python keeps what it has compiled.
    environment = {
        "PYTHONDONTWRITEBYTECODE": "",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hub"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "program.py"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADING = """
import json
import sys
import threading

from torch.utils.data import DataLoader, Dataset

from bpe import Tokenizer


class Ids(Dataset):
    def __init__(self, tokenizer, texts):
        self.tokenizer, self.texts = tokenizer, texts

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, number):
        return self.tokenizer.encode(self.texts[number])


def loaded(data, collate, method, num_workers):
    loader = DataLoader(
        data, batch_size=7, num_workers=num_workers, collate_fn=collate, multiprocessing_context=method
    )
    return [ids for batch in loader for ids in batch]


def main():
    from_file = Tokenizer.load("tokenizer.json")
    tokenizer = Tokenizer(from_file.vocab, from_file.merges, from_file.special_tokens, engine="compiled")
    texts = [json.loads(line)["text"] for line in open("texts.jsonl")] * 2
    expected = [from_file.encode(text) for text in texts]
    assert tokenizer.encode_batch(texts, num_threads=2) == expected  # with kernels and threads, before any fork
    stop = threading.Event()

    def encode_meanwhile():
        while not stop.wait(0.002):
            tokenizer.encode_batch(texts, num_threads=2)

    thread = threading.Thread(target=encode_meanwhile)
    thread.start()
    try:
        assert loaded(Ids(tokenizer, texts), list, "fork", 2) == expected
        assert loaded(texts, tokenizer.encode_batch, "fork", 2) == expected
    finally:
        stop.set()
        thread.join()
    assert loaded(Ids(tokenizer, texts), list, "spawn", 1) == expected
    print("equal")


if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_workers_of_a_data_loader(folder):
    """They are forked while threads of the parent encode, and spawned."""
    assert run(folder, LOADING) == "equal\n"


MAPPING = """
import os

import datasets

from bpe import Tokenizer

datasets.disable_progress_bars()


def mapped(rows, tokenizer):
    def encode(batch):
        with open("calls", "a") as file:
            file.write("call\\n")
        return {"ids": tokenizer.encode_batch(batch["text"])}

    return rows.map(encode, batched=True, batch_size=20, num_proc=2)


def calls():
    return len(open("calls").readlines()) if os.path.exists("calls") else 0


def main():
    tokenizer = Tokenizer.load("tokenizer.json")
    tokenizer.load_kernels(1)
    rows = datasets.load_dataset("json", data_files="texts.jsonl", split="train", cache_dir="cache")
    expected = tokenizer.encode_batch(rows["text"])
    before = calls()
    assert list(mapped(rows, tokenizer)["ids"]) == expected
    first = calls() - before
    assert list(mapped(rows, Tokenizer.load("tokenizer.json"))["ids"]) == expected  # another object, not yet used
    print(first, calls() - before - first)
    in_memory = datasets.Dataset.from_dict({"text": list(rows["text"])})
    assert list(mapped(in_memory, tokenizer)["ids"]) == expected


if __name__ == "__main__":
    main()
"""


def test_a_data_set_is_mapped_in_processes_and_found_again(folder):
    """Its results are found by a pickle of the function, in the same process and in a later one."""
    first, again = map(int, run(folder, MAPPING).split())
    assert first > 0
    assert again == 0
    assert run(folder, MAPPING).split() == ["0", "0"]

"""Preparing data: from the files of a corpus to a tokenizer and token files.

    hub, or files of the user's ──readers (bpe)──▶ text ──selection──▶ training and validation text
                                                                                    │
          report ◀── tokenizer.json, train.bin, valid.bin ◀──phases (bpe)───────────┘

| module | contents |
|---|---|
| `corpora.py` | the corpora that have names |
| `job.py` | what is to be prepared, with which settings, and where the results are |
| `prepared.py` | finding data that is prepared already |
| `preparing.py` | the phases in order, each skipped if it is done |
| `phases.py` | what the phases do |
| `state.py`, `checksums.py` | what has been done, and how files are recognized |
| `hub.py`, `hub_settings.py`, `reachability.py` | fetching files into the cache of the hub's client |
| `readers.py` | the files, in all formats that `bpe` reads, as one text |
| `selection.py`, `streams.py` | documents held out for validation; the two texts of a job |
| `report.py`, `throughput.py` | the report; how fast text was encoded |
| `errors.py` | the errors |

Importing this package loads neither the hub's client nor numpy nor torch.
"""

from preparation.corpora import CORPORA, Corpus
from preparation.errors import DataNotFoundError, PreparationError
from preparation.job import DATA, Job, PreparedData, Settings, corpus_job
from preparation.prepared import find_prepared
from preparation.preparing import prepare, prepare_corpus, require_corpus
from preparation.throughput import Throughput

__all__ = [
    "CORPORA",
    "DATA",
    "Corpus",
    "DataNotFoundError",
    "Job",
    "PreparationError",
    "PreparedData",
    "Settings",
    "Throughput",
    "corpus_job",
    "find_prepared",
    "prepare",
    "prepare_corpus",
    "require_corpus",
]

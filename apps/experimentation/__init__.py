"""Experiments: tables of runs and measurements, what they gave, and what that shows.

    configs/experiments/*.yaml ──table──▶ experiments ──planning──▶ members ──running, executors──▶ results ──▶ findings
                                            text_sources ──▶ texts ──┘            │                     └─────▶ report
                                                                                kinds

| module | contents |
|---|---|
| `yaml_file.py`, `scales.py`, `table.py` | reading experiments and scales |
| `workspace.py`, `results.py` | what a member is given, what it gives back, and its files |
| `text_sources.py` | the two corpora: given, prepared or generated; their tokenizers and token files |
| `planning.py` | which members there are, and what their results depend on |
| `running.py`, `member.py` | running what is missing, resuming what was interrupted |
| `executors.py` | where members run: processes of this machine, Slurm |
| `kinds/` | how members of each kind are run |
| `findings/`, `report/` | what results show; the pages |

Importing this package loads neither torch nor numpy.
"""

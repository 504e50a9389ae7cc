"""Experiments: tables of runs and measurements, what they gave, and what that shows.

    configs/experiments/*.yaml ──table──▶ experiments ──planning──▶ members ──running, executors──▶ results ──▶ findings
                                            text_sources ──▶ texts ──┘            │                     └─────▶ report
                                                                                kinds

| module | contents |
|---|---|
| `yaml_file.py`, `scales.py`, `table.py` | reading experiments and scales |
| `workspace.py`, `results.py` | what a member is given, what it gives back, and its files |
| `text_sources.py` | the two corpora: given, prepared or generated; their tokenizers and token files |
| `training_settings.py`, `kind_settings.py` | the settings of members, checked |
| `planning.py` | which members there are, and what their results depend on |
| `member.py` | running one member in its folder |
| `running.py` | running what is missing, resuming what was interrupted |
| `collecting.py` | the results of each experiment in one file |
| `executors.py` | where members run: processes of this machine, Slurm |
| `kinds/` | how members of each kind are run |
| `findings/`, `report/` | what results show; the pages |

Importing this package loads neither torch nor numpy.
"""

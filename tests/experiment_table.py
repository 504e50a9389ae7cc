"""A table of tiny experiments, for tests that run them."""

import yaml

SCALE = {
    "title": "a few steps of a tiny model",
    "parallel": 2,
    "threads": 1,
    "members_per_job": 2,
    "generated_bytes": 60_000,
    "device": "cpu",
    "base": {
        "model": {"vocab_size": 300, "context_length": 16, "d_model": 16, "num_layers": 1, "num_heads": 2},
        "schedule": {"max_lr": 1e-2},
        "training": {
            "steps": 6,
            "batch_size": 2,
            "log_interval": 1,
            "eval_interval": 2,
            "eval_batches": 1,
            "final_eval_batches": 4,
            "checkpoint_interval": 2,
            "compile": "off",
        },
    },
}
BASE = {"title": "Base", "question": "Which loss?", "kind": "training", "finding": "base", "members": {"base": {}}}


def write_table(folder, experiments, **scale):
    """Write files of experiments, and the same scale under all names."""
    (folder / "scales").mkdir(parents=True)
    for name in ("smoke", "cpu", "gpu"):
        (folder / "scales" / f"{name}.yaml").write_text(yaml.safe_dump({**SCALE, **scale}))
    for name, content in experiments.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder

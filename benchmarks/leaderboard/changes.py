"""The changes that are tried, in order: what published record runs use, as options of our training applications."""

from dataclasses import dataclass

Options = dict[str, str]
"""Keys of a configuration and their values, as on the command line."""


@dataclass(frozen=True)
class Change:
    """One change of a configuration."""

    name: str
    options: Options
    source: str
    """Who uses it or has published it."""


_MODDED = "modded-nanogpt 2026"
_NANOCHAT = "nanochat 2026"

CHANGES = (
    Change("rate 3e-3, down to 1e-4", {"schedule.max_lr": "3e-3", "schedule.min_lr": "1e-4"}, "sweep"),
    Change("betas (0.9, 0.95)", {"optimizer.betas": "[0.9, 0.95]"}, "Touvron et al. 2023, arXiv:2302.13971"),
    Change(
        "Muon, its rate × 3",
        {"optimizer.name": "muon", "optimizer.muon_lr_factor": "3"},
        "Jordan et al. 2024, kellerjordan.github.io/posts/muon",
    ),
    Change("Muon, its rate × 6", {"optimizer.name": "muon", "optimizer.muon_lr_factor": "6"}, "sweep"),
    Change("the embedding's rate × 3", {"optimizer.embedding_lr_factor": "3"}, _MODDED),
    Change("Polar Express", {"optimizer.muon_coefficients": "polar_express"}, "Amsel et al. 2025, arXiv:2505.16932"),
    Change("QK-norm", {"model.qk_norm": "true"}, "Dehghani et al. 2023, arXiv:2302.05442"),
    Change("ReLU²", {"model.ffn": "relu2", "model.d_ff": "null"}, "So et al. 2021, arXiv:2109.08668"),
    Change("outputs start at 0", {"model.zero_init_outputs": "true"}, "Yang et al. 2022, arXiv:2203.03466"),
    Change("RMSNorm after the embedding", {"model.embedding_norm": "true"}, _MODDED),
    Change("uniform initial matrices, W1 × 0.4", {"model.init": "uniform", "model.ffn_init_scale": "0.4"}, _NANOCHAT),
    Change("a head of its own, near 0", {"model.tie_embeddings": "false", "model.head_std": "0.001"}, _NANOCHAT),
    Change(
        "stable, then linear decay over 60 %",
        {"schedule.shape": "wsd", "schedule.decay_fraction": "0.6"},
        "Hägele et al. 2024, arXiv:2405.18392",
    ),
    Change("soft cap of 15", {"model.logit_soft_cap": "15"}, "Gemma Team 2024, arXiv:2408.00118"),
    Change("value embeddings", {"model.value_embeddings": "true"}, _MODDED),
    Change(
        "shortcut that starts at 0.2 to 0.05, stream at 1.15 to 1.05",
        {
            "model.embedding_shortcut": "true",
            "model.shortcut_stream_start": "[1.15, 1.05]",
            "model.shortcut_embedding_start": "[0.2, 0.05]",
        },
        _NANOCHAT,
    ),
    Change("NorMuon", {"optimizer.muon_second_moment": "0.95"}, "Li et al. 2025, arXiv:2510.05491"),
    Change("attention stays in documents", {"model.separator_token": "0"}, "Grattafiori et al. 2024, arXiv:2407.21783"),
    Change(
        "cautious weight decay of 0.1",
        {"optimizer.cautious_weight_decay": "true", "optimizer.weight_decay": "0.1"},
        "Chen et al. 2025, arXiv:2510.12402",
    ),
    Change("half the batch", {"training.batch_size": "2"}, "sweep"),
    Change("all rates × 1.5", {"schedule.max_lr": "4.5e-3"}, "sweep"),
    Change("momentum rises from 0.85 in 100 steps", {"optimizer.momentum_warmup_steps": "100"}, _MODDED),
    Change("QK-norm, scores × 1.44", {"model.qk_norm": "true", "model.qk_scale": "1.44"}, _NANOCHAT),
    Change("norms without gains", {"model.norm_gains": "false"}, _MODDED),
    Change("value residual", {"model.value_residual": "true"}, "Zhou et al. 2024, arXiv:2410.17897"),
    Change("window of a quarter of the context", {"model.window": "64"}, _MODDED),
    Change("2 layers of width 192", {"model.num_layers": "2", "model.d_model": "192", "model.num_heads": "3"}, "sweep"),
)

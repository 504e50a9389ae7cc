"""What record runs use and the ladder does not try, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """A change that is not tried."""

    name: str
    reason: str


REFUSED = (
    Refused("padded vocabulary", "32,000 is a multiple of 128 already, so padding to such a multiple adds nothing"),
    Refused(
        "windows in a pattern (short, short, short, long)",
        "At a context of 512, scores and values are 5.3 % of the forward FLOPs of the 279 M model "
        "(`apps/account.py --config configs/reference/leaderboard.yaml`), and half of them are never computed: windows "
        "could save 2.7 % at most. `model.window` is a switch for all blocks alike, and is tried",
    ),
    Refused(
        "head tied for two thirds of the run, then untied",
        "The number of parameters would change within a run, and with it the checkpoints and the optimizer's state. A "
        "head of its own is a switch, and is tried",
    ),
    Refused(
        "smear, bigram hash embeddings",
        "Not built: a decoding step would need the id before its own, and the tables of bigrams have 5 × 32,000 rows",
    ),
    Refused(
        "multi-token prediction",
        "Not built: the head takes 14 % of the forward FLOPs of the 279 M model, and each further target costs as much",
    ),
    Refused("float8", "`training.float8` is a switch; it needs a GPU that has it, and none was at hand"),
    Refused(
        "batches that begin where documents begin",
        "The loss that counts is measured on adjacent windows, which begin anywhere. Attention within documents is a "
        "switch, and is tried",
    ),
    Refused(
        "a batch that grows", "`training.batch_stages` is a switch; not tried, the runs of the ladder are too short"
    ),
)

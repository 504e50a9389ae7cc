"""The subcommands of `bpe`, a file each: its docstring is its help, `add_arguments` declares, `run` acts."""

from bpe.commands import count, decode, encode, inspect, train, warmup

COMMANDS = {
    "train": train,
    "encode": encode,
    "decode": decode,
    "count": count,
    "inspect": inspect,
    "warmup": warmup,
}
"""The modules by the names of their commands."""

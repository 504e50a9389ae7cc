"""The subcommands of `bpe`, one module each: its docstring is the help, `add_arguments` declares the options."""

from bpe.commands import count, decode, encode, inspect, train, warmup

COMMANDS = {
    "train": train,
    "encode": encode,
    "decode": decode,
    "count": count,
    "inspect": inspect,
    "warmup": warmup,
}
"""The module of each command."""

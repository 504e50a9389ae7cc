"""`python -m benchmarks.tokenizer`."""

from benchmarks.common.command_line import run
from benchmarks.tokenizer.command import main

run(main)

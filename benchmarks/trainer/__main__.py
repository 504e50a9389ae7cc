"""`python -m benchmarks.trainer`."""

from benchmarks.common.command_line import run
from benchmarks.trainer.command import main

run(main)

"""`python -m benchmarks.model`."""

from benchmarks.common.command_line import run
from benchmarks.model.command import main

run(main)

"""`python -m benchmarks.gpu`."""

from benchmarks.common.command_line import run
from benchmarks.gpu.command import main

run(main)

"""`python -m benchmarks.leaderboard`."""

from benchmarks.common.command_line import run
from benchmarks.leaderboard.command import main

if __name__ == "__main__":
    run(main)

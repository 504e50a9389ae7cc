"""Which changes to the leaderboard's configuration pay at equal time: see `python -m benchmarks.leaderboard --help`."""

r"""Train the leaderboard model, on OpenWebText or any text, with `configs/leaderboard.yaml`.

uv run apps/leaderboard.py
uv run apps/leaderboard.py --config configs/leaderboard_cpu.yaml \
    --data.train_text train.txt --data.valid_text valid.txt

The first command is for a GPU, and fetches the corpus if it is not prepared. `text_run.main` reads the configuration,
prepares the data, trains, and writes the run page.
"""

from command import run_command
from text_run import main

if __name__ == "__main__":
    run_command(lambda arguments: main(arguments, "leaderboard.yaml", "Train the leaderboard model."))

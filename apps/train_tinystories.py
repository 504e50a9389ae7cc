r"""Train on TinyStories, or on any text, with `configs/tinystories.yaml`.

uv run apps/train_tinystories.py
uv run apps/train_tinystories.py --config configs/tinystories_cpu.yaml \
    --data.train_text train.txt --data.valid_text valid.txt

The first command is for a GPU, and fetches the corpus if it is not prepared. `text_run.main` reads the configuration,
prepares the data, trains, and writes the run page.
"""

from command import run_command
from text_run import main

if __name__ == "__main__":
    run_command(lambda arguments: main(arguments, "tinystories.yaml", "Train the TinyStories model."))

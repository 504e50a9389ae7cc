r"""Train on OpenWebText, or on any text, with `configs/owt.yaml`.

uv run apps/train_owt.py
uv run apps/train_owt.py --config configs/owt_cpu.yaml \
    --data.train_text train.txt --data.valid_text valid.txt

The first command is for a GPU, and fetches the corpus if it is not prepared. `text_run.main` reads the configuration,
prepares the data, trains, and writes the run page.
"""

from command import run_command
from text_run import main

if __name__ == "__main__":
    run_command(lambda arguments: main(arguments, "owt.yaml", "Train the OpenWebText model."))

r"""Train on OpenWebText, or on any text, with `configs/owt.yaml`.

uv run apps/train_owt.py --config configs/owt_cpu.yaml \
    --data.train_text train.txt --data.valid_text valid.txt

`text_run.main` reads the configuration, prepares the data and trains.
"""

from command import run_command
from text_run import main

if __name__ == "__main__":
    run_command(lambda arguments: main(arguments, "owt.yaml", "Train the OpenWebText model."))

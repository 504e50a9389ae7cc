"""Training runs, one after the other, in a process of torchrun: `distributed_worker.py PORT:CONFIG…`.

A run whose folder contains a checkpoint is resumed.
"""

import os
import sys
from pathlib import Path

from trainer import RunDirectory, TrainConfig, open_data, parse_config, train


def main(arguments):
    for argument in arguments:
        port, _, file = argument.partition(":")
        # A process group of its own for each run: the store that torchrun provides has the addresses of the last one.
        os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "False", "MASTER_PORT": port}
        config, _ = parse_config(TrainConfig, [], files=[file])
        run = RunDirectory(Path(config.run.directory))
        run.path.mkdir(exist_ok=True)
        data = open_data(config.data, config.model)
        train(config, run, data, resume=any(run.checkpoints.glob("step_*")))


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # the threads of several destroyed process groups can abort the process when it ends as usual

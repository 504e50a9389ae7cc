"""Weights & Biases, as one run however often training is resumed."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from trainer.config import WandbConfig
from trainer.reporting.reporter import Metrics, Reporter, ReportingError

_INIT_SECONDS = 60
_FINISH_SECONDS = 60


class WeightsAndBiases(Reporter):
    """Sends metrics to Weights & Biases, or keeps them in the run's folder to be synced later.

    The id of the run and the last step that was sent are kept in the run's folder, in `wandb_run.json`. A resumed run
    goes on under the same id; the steps between its checkpoint and the last one sent, which it computes again, are not
    sent again, since Weights & Biases takes no step twice.

    Args:
        config: the project, and whether to send or to keep.
        directory: the run's folder.
        run_config: the configuration to show with the run.

    Raises:
        ReportingError: it cannot be used.
    """

    def __init__(self, config: WandbConfig, directory: Path, run_config: dict[str, Any]) -> None:
        import wandb  # here, since it takes a second to import and most runs do without

        self._state_path = directory / "wandb_run.json"
        self._run_id, self._last_sent = _read_state(self._state_path)
        self._first_new = self._last_sent + 1
        try:
            # Asked beforehand, since init would ask the person at the terminal for a key, and wait.
            if config.mode == "online" and not wandb.login(prompt=False, verify=False):
                raise wandb.errors.UsageError("no API key is configured")
            self._run = wandb.init(
                project=config.project,
                id=self._run_id,
                name=directory.name,
                dir=str(directory),
                config=run_config,
                mode=config.mode,
                resume="allow",
                settings=wandb.Settings(
                    silent=True,
                    console="off",  # the progress bar is nothing to keep, and log.txt has the rest
                    init_timeout=_INIT_SECONDS,
                    finish_timeout=_FINISH_SECONDS,  # also when the process ends: what is left stays in the folder
                    finish_timeout_raises=True,
                ),
            )
        except wandb.Error as error:
            raise ReportingError(
                f"Weights & Biases cannot be used ({error}): log in with `wandb login`, or give --wandb.mode offline"
            ) from None
        self._write_state()
        self._run.define_metric("*", step_metric="step")

    def metrics(self, step: int, values: Metrics) -> None:
        """Send the figures, if those of this step have not been sent by an earlier session."""
        if step < self._first_new or step < self._last_sent:
            return
        known = {name: value for name, value in values.items() if value is not None}
        self._run.log({"step": step, **known}, step=step)  # several calls for a step become one row
        if step > self._last_sent:
            self._last_sent = step
            self._write_state()

    def close(self, *, failed: bool) -> None:
        """Finish the run, marked as failed after an error."""
        self._run.finish(exit_code=1 if failed else 0)

    def _write_state(self) -> None:
        temporary = self._state_path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"id": self._run_id, "last_step": self._last_sent}) + "\n", "utf-8")
        os.replace(temporary, self._state_path)  # noqa: PTH105 says what it does


def _read_state(path: Path) -> tuple[str, int]:
    """Return the run's id, a new one if there is none that can be read, and the last step that was sent under it."""
    try:
        state = json.loads(path.read_text("utf-8"))
        return str(state["id"]), int(state["last_step"])
    except (OSError, ValueError, TypeError, KeyError):
        return secrets.token_hex(6), -1

"""Reporting to Weights & Biases, as a single run even if training is resumed."""

import json
import secrets
from pathlib import Path
from typing import Any

from trainer.config import WandbConfig
from trainer.reporting.reporter import Metrics, Reporter, ReportingError

_INIT_SECONDS = 60
_FINISH_SECONDS = 60


class WeightsAndBiases(Reporter):
    """Sends metrics to Weights & Biases, or stores them in the run's folder to be synced later.

    The id of the run and the last step that was sent are stored in the run's folder, in `wandb_run.json`. A resumed run
    uses the same id; the steps between its checkpoint and the last one sent are computed again, but not sent again,
    since Weights & Biases accepts each step once.

    Args:
        config: the project, the group and the tags, and whether to send or to store.
        directory: the run's folder.
        run_config: the configuration to show with the run.

    Raises:
        ReportingError: Weights & Biases cannot be used.
    """

    def __init__(self, config: WandbConfig, directory: Path, run_config: dict[str, Any]) -> None:
        import wandb  # imported here, since it takes a second and most runs do not use it

        self._state_path = directory / "wandb_run.json"
        self._run_id, self._last_sent = _read_state(self._state_path)
        self._first_new = self._last_sent + 1
        try:
            # Checked first, since init would ask for a key on the terminal and wait.
            if config.mode == "online" and not wandb.login(prompt=False, verify=False):
                raise wandb.errors.UsageError("no API key is configured")
            self._run = wandb.init(
                project=config.project,
                id=self._run_id,
                name=directory.name,
                group=config.group,
                tags=config.tags,
                dir=str(directory),
                config=run_config,
                mode=config.mode,
                resume="allow",
                settings=wandb.Settings(
                    silent=True,
                    console="off",  # log.txt has all messages
                    init_timeout=_INIT_SECONDS,
                    finish_timeout=_FINISH_SECONDS,  # what is not sent by then stays in the folder
                    finish_timeout_raises=True,
                ),
            )
        except wandb.Error as error:
            raise ReportingError(
                f"Weights & Biases cannot be used ({error}): log in with `wandb login`, or use --wandb.mode offline"
            ) from None
        self._write_state()
        self._run.define_metric("*", step_metric="step")

    def metrics(self, step: int, values: Metrics) -> None:
        """Send the metrics of a step, unless an earlier session has sent them."""
        if step < self._first_new or step < self._last_sent:
            return
        known = {name: value for name, value in values.items() if value is not None}
        self._run.log({"step": step, **known}, step=step)  # several calls with the same step are one row
        if step > self._last_sent:
            self._last_sent = step
            self._write_state()

    def close(self, *, failed: bool) -> None:
        """Finish the run, marked as failed after an error."""
        self._run.finish(exit_code=1 if failed else 0)

    def _write_state(self) -> None:
        temporary = self._state_path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"id": self._run_id, "last_step": self._last_sent}) + "\n", "utf-8")
        temporary.replace(self._state_path)


def _read_state(path: Path) -> tuple[str, int]:
    """Return the id of the run and the last step that was sent; a new id if the file is missing or damaged."""
    try:
        state = json.loads(path.read_text("utf-8"))
        return str(state["id"]), int(state["last_step"])
    except (OSError, ValueError, TypeError, KeyError):
        return secrets.token_hex(6), -1

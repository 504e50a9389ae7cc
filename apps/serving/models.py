"""Models that are loaded on first use, of which the last few are kept."""

from collections import OrderedDict
from collections.abc import Collection

from serving.catalog import ModelChoice
from serving.request import MODELS_KEPT
from speaker import Speaker, load_speaker


class Models:
    """The models in memory; used by one thread."""

    def __init__(self, device: str) -> None:
        """Begin without models, which will be loaded onto this device."""
        self._device = device
        self._speakers: OrderedDict[ModelChoice, Speaker] = OrderedDict()

    def get(self, choice: ModelChoice, in_use: Collection[ModelChoice]) -> Speaker:
        """Return the model of a checkpoint with its tokenizer.

        Args:
            choice: the checkpoint.
            in_use: others that must stay in memory, fewer than MODELS_KEPT.

        Raises:
            ValueError: the checkpoint is missing or damaged.
        """
        if choice not in self._speakers:
            for unused in [other for other in self._speakers if other not in in_use]:
                if len(self._speakers) >= MODELS_KEPT:  # before the new one is loaded, which needs the memory
                    del self._speakers[unused]
            self._speakers[choice] = load_speaker(choice.run, choice.checkpoint, self._device)
        self._speakers.move_to_end(choice)
        return self._speakers[choice]

"""Names of a model's tensors, free of what wrappers put before them.

`torch.compile` puts `_orig_mod.` before the names of whatever module it compiles, activation checkpointing
`_checkpoint_wrapped_module.`, and data parallelism `module.` before all names.

>>> plain_names(["module._orig_mod.blocks.0._orig_mod.norm.weight"])
{'module._orig_mod.blocks.0._orig_mod.norm.weight': 'blocks.0.norm.weight'}
"""

import re
from collections.abc import Iterable

_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module)\.")


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name the one that the bare model has for it.

    `module.` is taken away only where all names begin with it, as a model may have a part of that name.

    Raises:
        ValueError: two tensors would have the same name.
    """
    plain = {name: _WRAPPERS.sub("", name) for name in names}
    while plain and all(name.startswith("module.") for name in plain.values()):
        plain = {name: short.removeprefix("module.") for name, short in plain.items()}
    if len(set(plain.values())) < len(plain):
        raise ValueError("two of the model's tensors have the same name but for what wrappers add: unwrap the model")
    return plain

"""Names of a model's tensors without the prefixes that wrappers add.

`torch.compile` adds `_orig_mod.` to the names of the module that it compiles, activation checkpointing adds
`_checkpoint_wrapped_module.`, and data parallelism adds `module.` to all names.

>>> plain_names(["module._orig_mod.blocks.0._orig_mod.norm.weight"])
{'module._orig_mod.blocks.0._orig_mod.norm.weight': 'blocks.0.norm.weight'}
"""

import re
from collections.abc import Iterable

_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module)\.")


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name the one that it has in the model without wrappers.

    `module.` is removed only if all names begin with it, since a model may have a submodule of that name.

    Raises:
        ValueError: two tensors would get the same name.
    """
    plain = {name: _WRAPPERS.sub("", name) for name in names}
    while plain and all(name.startswith("module.") for name in plain.values()):
        plain = {name: short.removeprefix("module.") for name, short in plain.items()}
    if len(set(plain.values())) < len(plain):
        raise ValueError("two tensors have the same name without the prefixes of wrappers: unwrap the model")
    return plain

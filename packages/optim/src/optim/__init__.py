"""Optimizers, learning-rate schedules and gradient clipping, written from scratch on top of torch.

One training step uses all three, in this order::

    loss.backward()
    norm = clip_grad_norm(model.parameters(), max_norm=1.0)
    for group in optimizer.param_groups:
        group["lr"] = cosine_schedule(it, max_lr=1e-3, min_lr=1e-4, warmup_iters=100, cosine_cycle_iters=10_000)
    optimizer.step()

The package does not depend on any model: optimizers and clipping work on tensors with gradients, schedules on integers.

The public names are listed in ``__init__.pyi`` and imported on first use. The schedules and the types of the settings
are pure Python: ``from optim import cosine_schedule`` does not load torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

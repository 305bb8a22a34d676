"""The exponential moving average of a network's weights, which predicts better than any single step of a short run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


class AveragedWeights:
    """``average = d average + (1 - d) weights`` after each step, with ``d = min(decay, (1 + n) / (10 + n))`` at step n.

    Running statistics of normalisation layers are averaged alike; counters are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state: dict[str, Tensor] = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step ``step`` (the first is 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            kept = self.state[name]
            if kept.dtype.is_floating_point:
                kept.lerp_(value.detach().to(kept.dtype), 1 - decay)
            else:
                kept.copy_(value)

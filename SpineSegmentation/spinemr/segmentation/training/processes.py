"""Several processes that train one network together, as ``torchrun`` starts them: one for each GPU.

Each looks at batches of its own; gradients are averaged, so all keep the same weights. The first one judges and writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Processes:
    """Which of how many this process is."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @classmethod
    def join(cls, device: str) -> Processes:
        """As the environment of ``torchrun`` says; alone without it. Waits until all are there."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        from torch import distributed

        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        return cls(int(os.environ["RANK"]), count, int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this process judges and writes."""
        return self.rank == 0

    def device(self, kind: str) -> str:
        """The device of this process: of several GPUs, its own."""
        return f"cuda:{self.local_rank}" if kind == "cuda" and self.count > 1 else kind

    def average_gradients(self, network: nn.Module) -> None:
        """The mean of every gradient over the processes."""
        if self.count == 1:
            return
        from torch import distributed

        for parameter in network.parameters():
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.count

    def wait(self) -> None:
        """Go on when every process got here: what the first one wrote is then there."""
        if self.count > 1:
            from torch import distributed

            distributed.barrier()

    def leave(self) -> None:
        """Say goodbye to the others."""
        if self.count > 1:
            from torch import distributed

            distributed.destroy_process_group()

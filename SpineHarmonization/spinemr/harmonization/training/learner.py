"""What both methods have in common: networks that are trained and averaged, optimizers, and steps made of named terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.settings import Adam
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.averaging import AveragedWeights
from spinemr.segmentation.training.processes import Processes

if TYPE_CHECKING:
    from torch import Tensor, nn

State = Mapping[str, Any]


@dataclass(frozen=True)
class Machine:
    """Where a run is computed."""

    kind: str
    """cpu, cuda or mps."""
    device: str
    bf16: bool
    processes: Processes

    def autocast(self) -> Any:  # noqa: ANN401 - a context of torch's
        """Half precision where it is wanted and does no harm."""
        import torch

        return torch.autocast(self.kind, dtype=torch.bfloat16, enabled=self.bf16)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """An array on this device."""
        import torch

        return torch.from_numpy(values).to(self.device)

    def placed(self, network: nn.Module) -> nn.Module:
        """A network on this device, its channels side by side in memory."""
        import torch

        return network.to(self.device, memory_format=torch.channels_last)


@dataclass(frozen=True)
class Moment:
    """A step of a run, and the random numbers that belong to it alone."""

    step: int
    rng: np.random.Generator
    truth: Tensor | None = None
    """What harmonized images should be, ``[image][1][row][column]``; NaN where nobody knows."""


@dataclass(frozen=True)
class Column:
    """A column of a panel: images ``[image][row][column]`` of 0..1, or of -1..1 where they are differences."""

    caption: str
    images: NDArray[np.float32]
    signed: bool = False
    classes: NDArray[np.uint8] | None = None
    """What a segmentation network sees in them."""


class Learner(ABC):
    """A method on its way."""

    terms: tuple[str, ...]
    """The names of the losses of a step, as the journal has them."""

    def __init__(self, machine: Machine, optimizer: Adam, steps: int) -> None:
        self.machine, self._adam, self._steps = machine, optimizer, steps
        self.networks: dict[str, nn.Module] = {}
        self.averaged: dict[str, AveragedWeights] = {}
        self.optimizers: dict[str, Any] = {}
        self._members: dict[str, tuple[str, ...]] = {}

    @abstractmethod
    def take_step(self, images: Tensor, domains: Tensor, moment: Moment) -> dict[str, float]:
        """Learn from a batch ``[image][slice][row][column]``; the value of every term, unweighted."""

    @abstractmethod
    def harmonized(self, images: Tensor) -> Tensor:
        """Images of any domain with the target's appearance, ``[image][1][row][column]``, by the averaged weights."""

    @abstractmethod
    def panel(self, images: Tensor, domains: Tensor) -> tuple[Column, ...]:
        """What becomes of images, side by side."""

    def memory(self) -> dict[str, Any]:
        """What has to be remembered beside weights and optimizers."""
        return {}

    def remember(self, memory: State) -> None:
        """Go on with what was remembered."""
        del memory

    def add(self, name: str, network: nn.Module, *, averaged: bool = False) -> nn.Module:
        """Take in a network that is trained."""
        self.networks[name] = self.machine.placed(network)
        if averaged:
            self.averaged[name] = AveragedWeights(network, self._adam.ema_decay)
        return self.networks[name]

    def optimize(self, name: str, members: Iterable[str], *, adversary: bool = False) -> None:
        """Give networks an optimizer together."""
        import torch

        self._members[name] = tuple(members)
        rate = (adversary and self._adam.discriminator_rate) or self._adam.learning_rate
        parameters = [p for member in self._members[name] for p in self.networks[member].parameters()]
        self.optimizers[name] = torch.optim.Adam(parameters, lr=rate, betas=(self._adam.beta1, self._adam.beta2))
        self.optimizers[name].param_groups[0]["peak"] = rate

    def descend(self, name: str, loss: Tensor, step: int) -> None:
        """One step of an optimizer against a loss; processes average their gradients."""
        import torch

        if not torch.isfinite(loss):
            raise InputError(f"The loss is no longer a number at step {step}.", "Lower the learning rate.")
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * self._adam.rate(step, self._steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for member in self._members[name]:
            self.machine.processes.average_gradients(self.networks[member])
        optimizer.step()

    def average(self, step: int) -> None:
        """Take the weights after a step into their averages."""
        for name, kept in self.averaged.items():
            kept.update(self.networks[name], step)

    @contextmanager
    def averages(self) -> Iterator[None]:
        """Within, the averaged networks have their averaged weights."""
        import torch

        own = {name: {k: v.detach().clone() for k, v in self.networks[name].state_dict().items()} for name in self.averaged}
        try:
            for name, kept in self.averaged.items():
                self.networks[name].load_state_dict(kept.state)
            with torch.no_grad(), self.machine.autocast():
                yield
        finally:
            for name, state in own.items():
                self.networks[name].load_state_dict(state)

    def begin_with(self, state: State, names: Sequence[str]) -> None:
        """Begin with what another run ended with, averaged weights where there are some; ``names`` are its domains in order."""
        for name, network in self.networks.items():
            found = state["averaged"].get(name) or state["networks"].get(name)
            if found is not None:
                network.load_state_dict(self.fitted(name, dict(found), names))
        for name, kept in self.averaged.items():
            for key, value in self.networks[name].state_dict().items():
                kept.state[key].copy_(value)

    def fitted(self, network: str, weights: dict[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """The weights of a network of a run with those domains, as this run's network takes them."""
        del network, names
        return weights

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs, as tensors and plain values."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "averaged": {name: dict(kept.state) for name, kept in self.averaged.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "memory": self.memory(),
        }

    def restore(self, state: State) -> None:
        """Go on where a checkpoint ended."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, kept in self.averaged.items():
            for key, value in state["averaged"][name].items():
                kept.state[key].copy_(value)
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.remember(state["memory"])


@contextmanager
def held_still(*networks: nn.Module) -> Iterator[None]:
    """Within, gradients pass through networks and do not stay in them."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)


def planes(images: Tensor) -> NDArray[np.float32]:
    """The middle slices of images as arrays ``[image][row][column]``."""
    return np.ascontiguousarray(images[:, images.shape[1] // 2].detach().float().cpu().numpy())


def neighbours(image: Tensor, slices: int) -> Tensor:
    """A harmonized slice as the next network wants it: it stands in for its neighbours, as at the edge of a stack."""
    return image if slices == 1 else image.expand(-1, slices, -1, -1)

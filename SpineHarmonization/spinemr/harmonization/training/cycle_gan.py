"""The step of Kim 2024: two generators, two discriminators, two segmentation networks, radiomic features of the target.

X is the source, Y the target. With the weights of segmentation and radiomics at 0 it is the comparator Modanwal 2021. Several
slices (2.5D) are made into one; on its way back a harmonized slice stands in for its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.losses.dice import pseudo_truth, soft_dice_loss
from spinemr.harmonization.losses.image import cycle_loss, discriminator_loss, generator_loss, identity_loss
from spinemr.harmonization.networks.patch_discriminator import patch_discriminator
from spinemr.harmonization.networks.style_transfer import StyleTransferOptions, style_transfer
from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.image_pool import ImagePool
from spinemr.harmonization.training.learner import (
    Column,
    Learner,
    Machine,
    Moment,
    State,
    held_still,
    neighbours,
    planes,
)
from spinemr.harmonization.training.radiomic_target import RadiomicTarget, boxes, centre_masks, measured
from spinemr.harmonization.training.teachers import source_network, target_network

if TYPE_CHECKING:
    from torch import Tensor, nn

TargetSlices = Callable[[int], Iterable[NDArray[np.float32]]]
"""Gives so many slices ``[1][row][column]`` of the target domain."""


@dataclass(frozen=True)
class Passed:
    """What the generators made of a batch; ``None`` what no loss asks for. ``x`` and ``y`` are the middle slices."""

    x: Tensor
    y: Tensor
    fake_y: Tensor
    fake_x: Tensor
    same_x: Tensor | None
    same_y: Tensor | None
    back_x: Tensor | None
    back_y: Tensor | None


def known_difference(made: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error where the truth is known (not NaN); 0 where none is."""
    known = ~truth.isnan()
    difference = (made - truth.nan_to_num()).abs() * known
    return difference.sum() / known.sum().clamp(min=1)


class CycleGan(Learner):
    """See the text of the file."""

    def __init__(self, config: HarmonizationConfig, machine: Machine, target_slices: TargetSlices) -> None:
        super().__init__(machine, config.optimizer, config.steps)
        self._config, self._settings, self.weights = config, config.cycle_gan, config.cycle_gan.terms
        options = StyleTransferOptions.of(self._settings.generator)
        self._inputs, self._target_slices = options.inputs, target_slices
        self.to_y = self.add("to_y", style_transfer(options), averaged=True)
        self.to_x = self.add("to_x", style_transfer(options), averaged=True)
        width = self._settings.discriminator_width
        self.judge_y, self.judge_x = (self.add(name, patch_discriminator(width)) for name in ("judge_y", "judge_x"))
        self._pools = {name: ImagePool(self._settings.pool) for name in ("x", "y")}
        self._sees_y = self._teacher()
        self.optimize("generators", ("to_y", "to_x", *(("sees_x",) if "sees_x" in self.networks else ())))
        self.optimize("discriminators", ("judge_y", "judge_x"), adversary=True)
        self._radiomics: RadiomicTarget | None = None
        self.terms = self._terms()

    def _teacher(self) -> nn.Module | None:
        """S_Y, if there is one; where Dice losses ask for S_X it is taken in."""
        teachers = self._settings.teachers
        if not teachers.model:
            return None
        sees_y = self.machine.placed(target_network(teachers, self._config.grid))
        if self.weights.segments and self.weights.dice_source:
            self.add("sees_x", source_network(sees_y, teachers.source_starts))
        return sees_y

    def _terms(self) -> tuple[str, ...]:
        dice = ("dice identity", "dice cycle", "dice harmonization") if self.weights.segments else ()
        named = {"adversarial": self.weights.adversarial, "cycle": self.weights.cycle, "identity": self.weights.identity}
        plain = tuple(name for name, weight in named.items() if weight)
        judged = ("discriminator",) if self.weights.adversarial else ()
        more = {"radiomics": self.weights.radiomics, "paired": self.weights.paired}
        return (*plain, *dice, *(name for name, weight in more.items() if weight), *judged)

    def take_step(self, images: Tensor, domains: Tensor, moment: Moment) -> dict[str, float]:
        """Generators and S_X first, then the discriminators on what was made and on earlier images."""
        target = self._config.target_index
        x, y = images[domains != target], images[domains == target]
        with held_still(self.judge_x, self.judge_y), self.machine.autocast():
            passed = self._pass(x, y)
            terms = self._generator_terms(passed)
            if self.weights.paired and moment.truth is not None:
                terms["paired"] = self.weights.paired, known_difference(passed.fake_y.float(), moment.truth[domains != target])
            loss: Any = sum(weight * value for weight, value in terms.values())
        self.descend("generators", loss, moment.step)
        values = {name: float(value.detach()) for name, (_, value) in terms.items()}
        if self.weights.adversarial:
            values["discriminator"] = self._judge(passed, moment)
        return self._by_name(values)

    def _pass(self, x: Tensor, y: Tensor) -> Passed:
        """Everything the generators have to make, each network asked twice: for images, and for the ways back."""
        import torch

        w, n = self.weights, len(x)
        middle = self._inputs // 2
        both = w.identity > 0 or (w.segments and w.dice_identity > 0)
        cycled = w.cycle > 0 or (w.segments and w.dice_cycle > 0)
        made_y = self.to_y(torch.cat([x, y]) if both else x)
        made_x = self.to_x(torch.cat([y, x]) if both else y)
        fake_y, fake_x = made_y[:n], made_x[: len(y)]
        back_x = self.to_x(neighbours(fake_y, self._inputs)) if cycled else None
        back_y = self.to_y(neighbours(fake_x, self._inputs)) if cycled else None
        same_y, same_x = (made_y[n:], made_x[len(y) :]) if both else (None, None)
        return Passed(
            x[:, middle : middle + 1], y[:, middle : middle + 1], fake_y, fake_x, same_x, same_y, back_x, back_y
        )  # fmt: skip

    def _generator_terms(self, p: Passed) -> dict[str, tuple[float, Tensor]]:
        """Weight and value of every term that counts."""
        w, squares = self.weights, self._settings.least_squares
        terms: dict[str, tuple[float, Tensor]] = {}
        if w.adversarial:
            judged = generator_loss(self.judge_y(p.fake_y).float(), squares)
            terms["adversarial"] = w.adversarial, judged + generator_loss(self.judge_x(p.fake_x).float(), squares)
        if w.cycle and p.back_x is not None and p.back_y is not None:
            terms["cycle"] = w.cycle, cycle_loss(p.back_x.float(), p.x) + cycle_loss(p.back_y.float(), p.y)
        if w.identity and p.same_x is not None and p.same_y is not None:
            terms["identity"] = w.identity, identity_loss(p.same_x.float(), p.x) + identity_loss(p.same_y.float(), p.y)
        if w.segments:
            terms |= self._dice_terms(p)
        if w.radiomics:
            terms["radiomics"] = w.radiomics, self.radiomics.loss(p.fake_y, self._region(p.fake_y))
        return terms

    def _dice_terms(self, p: Passed) -> dict[str, tuple[float, Tensor]]:
        """Figure 4: what S_Y sees in the harmonized source and in the target is the truth for every other way to look at them."""
        import torch

        w = self.weights
        with torch.no_grad():
            truth_x, truth_y = (pseudo_truth(self._seen(image)) for image in (p.fake_y, p.y))
        dice: dict[str, tuple[float, Tensor]] = {}
        for kind, share, looks in (
            ("identity", w.dice_identity, ((p.same_y, truth_y, "y"), (p.same_x, truth_x, "x"))),
            ("cycle", w.dice_cycle, ((p.back_y, truth_y, "y"), (p.back_x, truth_x, "x"))),
            ("harmonization", w.dice_harmonization, ((p.fake_x, truth_y, "x"),)),
        ):
            for image, truth, network in looks:
                weight = share * (w.dice_target if network == "y" else w.dice_source)
                if weight and image is not None:
                    logits = self._seen(image) if network == "y" else self.networks["sees_x"](image)
                    dice[f"dice {kind} {network}"] = weight, soft_dice_loss(logits.float().softmax(dim=1), truth)
        return dice

    def _by_name(self, values: dict[str, float]) -> dict[str, float]:
        """The values of the journal's columns: the Dice losses of both networks summed up."""
        summed = dict.fromkeys(self.terms, 0.0)
        for name, value in values.items():
            summed[name[:-2] if name.startswith("dice ") else name] += value
        return summed

    def _seen(self, image: Tensor) -> Tensor:
        if self._sees_y is None:  # the configuration was checked for this
            raise RuntimeError("there is no segmentation network")
        logits: Tensor = self._sees_y(image)
        return logits

    def _region(self, images: Tensor) -> Tensor:
        import torch

        settings = self._settings.radiomics
        if settings.region == "mask":
            with torch.no_grad():
                return boxes(self._seen(images).argmax(dim=1))
        return centre_masks(images, 1.0 if settings.region == "whole" else settings.columns_share)

    @property
    def radiomics(self) -> RadiomicTarget:
        """The target's features, measured before the first step."""
        if self._radiomics is None:
            self._radiomics = measured(self._settings.radiomics, self._target_batches())
        return self._radiomics

    def _target_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for image in self._target_slices(self._settings.radiomics.slices):
            images = self.machine.tensor(image[None])
            yield images, self._region(images)

    def _judge(self, p: Passed, moment: Moment) -> float:
        squares = self._settings.least_squares
        fake_y = self._pools["y"].exchanged(p.fake_y.detach().float(), moment.rng)
        fake_x = self._pools["x"].exchanged(p.fake_x.detach().float(), moment.rng)
        with self.machine.autocast():
            loss = discriminator_loss(self.judge_y(p.y).float(), self.judge_y(fake_y).float(), squares)
            loss = loss + discriminator_loss(self.judge_x(p.x).float(), self.judge_x(fake_x).float(), squares)
        self.descend("discriminators", loss, moment.step)
        return float(loss.detach())

    def harmonized(self, images: Tensor) -> Tensor:
        """By the averaged generator to the target."""
        with self.averages():
            made: Tensor = self.to_y(images).float()
        return made

    def panel(self, images: Tensor, domains: Tensor) -> tuple[Column, ...]:
        """Source images, harmonized, cycled, what was changed, and what S_Y sees before and after."""
        x = images[domains != self._config.target_index]
        with self.averages():
            made = self.to_y(x)
            back = self.to_x(neighbours(made, self._inputs))
            source, harmonized = planes(x), planes(made)
            columns = [Column("source", source), Column("harmonized", harmonized), Column("cycled", planes(back))]
            columns.append(Column("difference", harmonized - source, signed=True))
            if self._sees_y is not None:
                middle = x[:, self._inputs // 2][:, None]
                for image, shown in ((middle, source), (made, harmonized)):
                    classes = self._seen(image).argmax(dim=1).cpu().numpy().astype(np.uint8)
                    columns.append(Column("masks", shown, classes=classes))
        return tuple(columns)

    def memory(self) -> dict[str, Any]:
        """The pools, and the target's features."""
        kept: dict[str, Any] = {"pools": {name: pool.state() for name, pool in self._pools.items()}}
        return kept | ({"radiomics": self._radiomics.as_dict()} if self._radiomics is not None else {})

    def remember(self, memory: State) -> None:
        """Go on with the same pools and the same features."""
        for name, pool in self._pools.items():
            pool.restore(memory["pools"][name], self.machine.device)
        if "radiomics" in memory:
            self._radiomics = RadiomicTarget.remembered(self._settings.radiomics, memory["radiomics"])

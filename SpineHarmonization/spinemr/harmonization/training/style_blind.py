"""The step of HarMOnAE (Fatania 2022): a classifier guesses the scanner from the latent image, the auto-encoder hides it.

Both take turns. The auto-encoder reconstructs each image with its own scanner's code; with another code it harmonizes, and the
harmonized image has to have the same latent image again. The image discriminator is an option to study the harm it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spinemr.harmonization.losses.image import (
    classifier_loss,
    discriminator_loss,
    generator_loss,
    latent_loss,
    perplexity_loss,
    reconstruction_loss,
)
from spinemr.harmonization.networks.patch_discriminator import patch_discriminator
from spinemr.harmonization.networks.scanner_classifier import scanner_classifier
from spinemr.harmonization.networks.style_blind import StyleBlindOptions, style_blind
from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.learner import Column, Learner, Machine, Moment, held_still, neighbours, planes

if TYPE_CHECKING:
    from torch import Tensor


class StyleBlindAutoEncoder(Learner):
    """See the text of the file."""

    def __init__(self, config: HarmonizationConfig, machine: Machine) -> None:
        super().__init__(machine, config.optimizer, config.steps)
        self._settings, self._target = config.style_blind, config.target_index
        self._domains = [domain.name for domain in config.domains]
        self._truths = [self._domains.index(one.truth_of) if one.truth_of else -1 for one in config.domains]
        options = StyleBlindOptions.of({**self._settings.network, "scanners": len(config.domains)})
        self._scanners, self._inputs, self.weights = options.scanners, options.inputs, self._settings.weights
        self.network: Any = self.add("autoencoder", style_blind(options), averaged=True)
        self.classifier = self.add("classifier", scanner_classifier(options))
        self.optimize("autoencoder", ("autoencoder",))
        self.optimize("classifier", ("classifier",), adversary=True)
        if self.weights.image:
            self.add("discriminator", patch_discriminator(self._settings.discriminator_width, 1 + self._scanners))
            self.optimize("discriminator", ("discriminator",), adversary=True)
        named = {"reconstruction": self.weights.reconstruction, "adversarial": self.weights.adversarial}
        named |= {"latent": self.weights.latent, "image": self.weights.image, "paired": self.weights.paired}
        judged = ("discriminator",) if self.weights.image else ()
        self.terms = (*(name for name, weight in named.items() if weight), "classifier", *judged)

    def fitted(self, network: str, weights: dict[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Scanners by their names: new ones begin with the mean code; the classifier has yet to learn them."""
        import torch

        places = [names.index(name) if name in names else None for name in self._domains]
        if network == "autoencoder":
            codes = weights["mlp.0.weight"]
            columns = [codes.mean(dim=1) if place is None else codes[:, place] for place in places]
            return {**weights, "mlp.0.weight": torch.stack(columns, dim=1)}
        if network != "classifier":
            return weights
        own = self.networks[network].state_dict()
        guesses = {key: own[key].clone() for key in ("guess.weight", "guess.bias")}
        for row, place in enumerate(places):
            for key, values in guesses.items():
                values[row] = values[row] if place is None else weights[key][place]
        return {**weights, **guesses}

    def take_step(self, images: Tensor, domains: Tensor, moment: Moment) -> dict[str, float]:
        """The classifier, the auto-encoder, and where there is one the image discriminator."""
        values = {"classifier": self._classify(images, domains, moment.step)}
        others = self._others(domains, moment)
        still = [self.networks[name] for name in ("classifier", "discriminator") if name in self.networks]
        with held_still(*still), self.machine.autocast():
            latent = self.network.encode(images)
            made, terms = self._terms_of(images, latent, domains, others, moment.step)
            if self.weights.paired and moment.truth is not None:
                terms["paired"] = self.weights.paired, self._paired(latent, domains, moment.truth)
            loss: Any = sum(weight * value for weight, value in terms.values())
        self.descend("autoencoder", loss, moment.step)
        values |= {name: float(value.detach()) for name, (_, value) in terms.items()}
        if made is not None and self.weights.image:
            values["discriminator"] = self._judge(images, domains, made, others, moment.step)
        return {name: values.get(name, 0.0) for name in self.terms}

    def _classify(self, images: Tensor, domains: Tensor, step: int) -> float:
        import torch

        with torch.no_grad(), self.machine.autocast():
            latent = self.network.encode(images)
        for _ in range(self._settings.classifier_steps):
            with self.machine.autocast():
                loss = classifier_loss(self.classifier(latent).float(), domains)
            self.descend("classifier", loss, step)
        return float(loss.detach())

    def _others(self, domains: Tensor, moment: Moment) -> Tensor:
        """For each image another scanner than its own."""
        away = moment.rng.integers(1, self._scanners, size=len(domains))
        return (domains + self.machine.tensor(away)) % self._scanners

    def _terms_of(
        self, images: Tensor, latent: Tensor, domains: Tensor, others: Tensor, step: int
    ) -> tuple[Tensor | None, dict[str, tuple[float, Tensor]]]:
        """The images with another scanner's appearance (if any loss asks for them), and weight and value of every term."""
        w, middle = self.weights, self._inputs // 2
        terms: dict[str, tuple[float, Tensor]] = {}
        if w.reconstruction:
            again = self.network.decode(latent, self.code(domains)).float()
            terms["reconstruction"] = w.reconstruction, reconstruction_loss(again, images[:, middle : middle + 1])
        if w.adversarial:
            weight = w.adversarial if step >= self._settings.warm_up_steps else 0.0
            terms["adversarial"] = weight, perplexity_loss(self.classifier(latent).float(), domains)
        if not w.latent and not w.image:
            return None, terms
        made = self.network.decode(latent, self.code(others))
        if w.latent:
            encoded = self.network.encode(neighbours(made, self._inputs))
            terms["latent"] = w.latent, latent_loss(encoded.float(), latent.float())
        if w.image:
            terms["image"] = w.image, generator_loss(self._verdict(made, others).float())
        return made, terms

    def _paired(self, latent: Tensor, domains: Tensor, truth: Tensor) -> Tensor:
        """How far images that were rescanned are from what they were, with the code of the look they had."""
        import torch

        looks = torch.tensor(self._truths, device=domains.device)[domains]
        known = (looks >= 0) & torch.isfinite(truth).flatten(1).all(dim=1)
        if not bool(known.any()):
            return latent.float().sum() * 0
        made = self.network.decode(latent[known], self.code(looks[known])).float()
        return reconstruction_loss(made, truth[known])

    def _judge(self, images: Tensor, domains: Tensor, made: Tensor, others: Tensor, step: int) -> float:
        middle = self._inputs // 2
        with self.machine.autocast():
            real = self._verdict(images[:, middle : middle + 1], domains)
            loss = discriminator_loss(real.float(), self._verdict(made.detach(), others).float())
        self.descend("discriminator", loss, step)
        return float(loss.detach())

    def _verdict(self, images: Tensor, scanners: Tensor) -> Tensor:
        """What the discriminator says of images that are claimed to be of scanners."""
        import torch

        claimed = self.code(scanners)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        verdict: Tensor = self.networks["discriminator"](torch.cat([images.float(), claimed], dim=1))
        return verdict

    def code(self, scanners: Tensor) -> Tensor:
        """One-hot codes of trained scanners."""
        from torch.nn.functional import one_hot

        return one_hot(scanners, self._scanners).float()

    def harmonized(self, images: Tensor) -> Tensor:
        """By the averaged auto-encoder with the target's code."""
        with self.averages():
            made: Tensor = self.network(images, self._code_of_target(len(images))).float()
        return made

    def _code_of_target(self, count: int) -> Tensor:
        import torch

        return self.code(torch.full((count,), self._target, device=self.machine.device))

    def panel(self, images: Tensor, domains: Tensor) -> tuple[Column, ...]:
        """Images of every scanner: as they are, auto-encoded, harmonized to the target, cycled, and what was changed."""
        with self.averages():
            own = self.network(images, self.code(domains))
            made = self.network(images, self._code_of_target(len(images)))
            back = self.network(neighbours(made, self._inputs), self.code(domains))
        coded, harmonized = planes(own), planes(made)
        return (
            Column("source", planes(images)),
            Column("coded", coded),
            Column("harmonized", harmonized),
            Column("cycled", planes(back)),
            Column("difference", harmonized - coded, signed=True),
        )

"""HarMOnAE and images whose look before another scanner stored them is known."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from spinemr.harmonization.training.config import read_config
from spinemr.harmonization.training.settings import ImageSource
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.processes import Processes

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.harmonization.losses.image import reconstruction_loss  # noqa: E402
from spinemr.harmonization.training.learner import Machine, Moment  # noqa: E402
from spinemr.harmonization.training.style_blind import StyleBlindAutoEncoder  # noqa: E402

MACHINE = Machine("cpu", "cpu", False, Processes())
RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
ALONE = {"reconstruction": 0.0, "adversarial": 0.0, "latent": 0.0, "paired": 1.0}


def run(tiny_harmonizer, truth_of="t1", rescanned=1.0, **weights):
    """Two drawn scanners, and real images of the second that other scanners stored."""
    t2, t1 = (asdict(domain) for domain in tiny_harmonizer("harmonae").domains)
    files = asdict(ImageSource("packed", path="packed.npz", rescanned=rescanned))
    other = {"name": "other", "truth_of": truth_of, "sources": [files]}
    settings = {"network": {"width": 4, "blocks": 1, "code_width": 8}, "weights": {**ALONE, **weights}}
    return tiny_harmonizer("harmonae", settings, domains=[t2, t1, other], batch_size=3)


def test_known_images_are_led_to_the_look_they_had(tiny_harmonizer):
    learner = StyleBlindAutoEncoder(run(tiny_harmonizer), MACHINE)
    images, domains = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2])
    truth = torch.full_like(images, torch.nan)
    truth[0], truth[2] = 0.9, 0.25  # of the first nobody asks: its domain does not say whose look that is
    with torch.no_grad():
        made = learner.network(images[2:], torch.tensor([[0.0, 1.0, 0.0]]))
    values = learner.take_step(images, domains, Moment(0, np.random.default_rng(0), truth))
    assert values["paired"] == pytest.approx(float(reconstruction_loss(made, truth[2:])), rel=1e-3)
    for step in range(1, 30):
        later = learner.take_step(images, domains, Moment(step, np.random.default_rng(step), truth))["paired"]
    assert later < 0.7 * values["paired"]


def test_where_nobody_knows_nothing_is_learned(tiny_harmonizer):
    learner = StyleBlindAutoEncoder(run(tiny_harmonizer), MACHINE)
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    images = torch.rand(3, 1, 32, 32)
    moment = Moment(0, np.random.default_rng(0), torch.full_like(images, torch.nan))
    assert learner.take_step(images, torch.tensor([0, 1, 2]), moment)["paired"] == 0
    for name, value in learner.network.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_runs_that_make_no_sense_are_refused(tiny_harmonizer):
    with pytest.raises(InputError, match="There is no domain 't9' to tell a truth"):
        run(tiny_harmonizer, truth_of="t9")
    for wrong in ({"truth_of": ""}, {"rescanned": 0.0}):
        with pytest.raises(InputError, match="needs a domain of rescanned images"):
            run(tiny_harmonizer, **wrong)
    told = [{**asdict(domain), "truth_of": "t1"} for domain in tiny_harmonizer("cyclegan").domains]
    with pytest.raises(InputError, match="Only domains of HarMOnAE"):
        tiny_harmonizer("cyclegan", domains=told)
    assert run(tiny_harmonizer, truth_of="", paired=0.0, latent=1.0).style_blind.weights.paired == 0


def test_the_recipe_of_what_ships_begins_with_the_first_and_knows_seven_scanners():
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    first, second = (read_config(RECIPES / f"harmonization_references{part}.yaml") for part in ("_first", ""))
    assert second.start_from.endswith("harmonae_first/last.pt") and not first.start_from
    drawn = {domain.name for domain in second.domains if domain.sources[0].kind == "drawn"}
    assert len(drawn) == 7 and {domain.name for domain in first.domains} < {domain.name for domain in second.domains}
    assert {domain.name: domain.truth_of for domain in second.domains if domain.truth_of} == {"other t1": "t1", "other t2": "t2"}

"""The steps of both methods, term by term: what each costs, whom it teaches, and that weight 0 takes it out."""

from itertools import pairwise

import numpy as np
import pytest

from spinemr.harmonization.training.image_pool import ImagePool
from spinemr.harmonization.training.settings import RadiomicTerm
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.processes import Processes

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.harmonization.losses.dice import pseudo_truth, soft_dice_loss  # noqa: E402
from spinemr.harmonization.training.cycle_gan import CycleGan  # noqa: E402
from spinemr.harmonization.training.learner import Machine, Moment  # noqa: E402
from spinemr.harmonization.training.radiomic_target import (  # noqa: E402
    RadiomicTarget,
    boxes,
    centre_masks,
    extractor,
    measured,
    stretched,
)
from spinemr.harmonization.training.style_blind import StyleBlindAutoEncoder  # noqa: E402
from spinemr.harmonization.training.teachers import source_network, target_network  # noqa: E402

MACHINE = Machine("cpu", "cpu", False, Processes())
OFF = {"adversarial": 0.0, "cycle": 0.0, "identity": 0.0, "dice_target": 0.0, "dice_source": 0.0, "radiomics": 0.0}
RADIOMICS = {"slices": 6, "features": ["original_glcm_SumEntropy", "original_firstorder_Mean"]}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """The checkpoint of a tiny segmentation network that nobody trained."""
    from spinemr.segmentation.networks.registry import build_network
    from spinemr.segmentation.training.checkpoint import Checkpoint
    from spinemr.segmentation.training.config import config_from

    options = {"width": 4, "levels": 2}
    settings = {"sources": [{"kind": "drawn", "share": 1.0}], "network": {"name": "plain-unet", "options": options}}
    state = build_network("plain-unet", options).state_dict()
    path = tmp_path_factory.mktemp("teacher") / "best.pt"
    Checkpoint(config_from(settings), 1, state, state, {}, -1.0).write(path)
    return str(path)


def images(seed=0, count=6, size=32):
    noise = np.random.default_rng(seed).random((count, 1, size, size), dtype=np.float32)
    return torch.nn.functional.avg_pool2d(torch.from_numpy(noise), 5, 1, 2)


def target_slices(count):
    return iter(images(9, count).numpy())


def gan(tiny_harmonizer, **options):
    settings = {"generator": {"width": 4, "blocks": 1}, "discriminator_width": 4, "radiomics": RADIOMICS, **options}
    return CycleGan(tiny_harmonizer("cyclegan", settings), MACHINE, target_slices)


def weights_of(network):
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def moved(network, before):
    return any(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


def step_of(learner, step=0, seed=0):
    domains = torch.tensor([0, 0, 0, 1, 1, 1])
    return learner.take_step(images(seed), domains, Moment(step, np.random.default_rng(step)))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"adversarial": 1.0}, ("adversarial", "discriminator")),
        ({"cycle": 1.0}, ("cycle",)),
        ({"identity": 1.0}, ("identity",)),
        ({"radiomics": 1.0}, ("radiomics",)),
        ({"cycle": 1.0, "identity": 1.0}, ("cycle", "identity")),
    ],
)
def test_terms_of_weight_0_are_left_out_and_the_others_teach(tiny_harmonizer, weights, expected):
    learner = gan(tiny_harmonizer, weights={**OFF, **weights})
    before = {name: weights_of(network) for name, network in learner.networks.items()}
    values = step_of(learner)
    assert tuple(values) == learner.terms == expected
    assert all(np.isfinite(value) and value > 0 for value in values.values())
    changed = {name for name, network in learner.networks.items() if moved(network, before[name])}
    judges = {"judge_x", "judge_y"} if "adversarial" in weights else set()
    assert changed == {"to_y", *(() if set(weights) == {"radiomics"} else ("to_x",)), *judges}


def test_where_the_truth_is_known_images_are_led_to_it_and_elsewhere_left_alone(tiny_harmonizer):
    learner = gan(tiny_harmonizer, weights={**OFF, "paired": 1.0})
    domains, nobody = torch.tensor([0, 0, 0, 1, 1, 1]), torch.full((6, 1, 32, 32), torch.nan)
    known = nobody.clone()
    known[1] = 0.25
    with torch.no_grad():
        made = learner.to_y(images()[:3])
    values = learner.take_step(images(), domains, Moment(0, np.random.default_rng(0), known))
    assert tuple(values) == learner.terms == ("paired",)
    assert values["paired"] == pytest.approx(float((made[1] - 0.25).abs().mean()), rel=1e-3)
    for step in range(1, 40):
        later = learner.take_step(images(), domains, Moment(step, np.random.default_rng(step), known))["paired"]
    assert later < 0.7 * values["paired"]
    before = weights_of(learner.to_y)
    assert learner.take_step(images(), domains, Moment(50, np.random.default_rng(0), nobody))["paired"] == 0
    assert all(torch.isfinite(value).all() for value in weights_of(learner.to_y).values()) and before


def test_cycle_and_identity_are_the_published_means(tiny_harmonizer):
    learner = gan(tiny_harmonizer, weights={**OFF, "cycle": 1.0, "identity": 1.0})
    x, y = images()[:3], images()[3:]
    with torch.no_grad():
        cycle = (learner.to_x(learner.to_y(x)) - x).abs().mean() + (learner.to_y(learner.to_x(y)) - y).abs().mean()
        identity = (learner.to_x(x) - x).abs().mean() + (learner.to_y(y) - y).abs().mean()
    values = step_of(learner)
    assert values["cycle"] == pytest.approx(float(cycle), rel=1e-5)
    assert values["identity"] == pytest.approx(float(identity), rel=1e-5)


def test_the_first_domain_may_be_the_target(tiny_harmonizer):
    settings = {"generator": {"width": 4, "blocks": 1}, "weights": {**OFF, "identity": 1.0}}
    learner = CycleGan(tiny_harmonizer("cyclegan", settings, target="t2"), MACHINE, target_slices)
    x, y = images()[3:], images()[:3]
    with torch.no_grad():
        expected = (learner.to_x(x) - x).abs().mean() + (learner.to_y(y) - y).abs().mean()
    assert step_of(learner)["identity"] == pytest.approx(float(expected), rel=1e-5)


def test_dice_losses_are_those_of_figure_4(tiny_harmonizer, taught):
    learner = gan(tiny_harmonizer, weights={**OFF, "dice_target": 20.0, "dice_source": 10.0}, teachers={"model": taught})
    sees_y, sees_x, to_y, to_x = learner._sees_y, learner.networks["sees_x"], learner.to_y, learner.to_x
    x, y = images()[:3], images()[3:]

    def dice(network, image, truth):
        return float(soft_dice_loss(network(image).softmax(dim=1), truth))

    with torch.no_grad():
        truth_x, truth_y = pseudo_truth(sees_y(to_y(x))), pseudo_truth(sees_y(y))
        expected = {
            "dice identity": dice(sees_y, to_y(y), truth_y) + dice(sees_x, to_x(x), truth_x),
            "dice cycle": dice(sees_y, to_y(to_x(y)), truth_y) + dice(sees_x, to_x(to_y(x)), truth_x),
            "dice harmonization": dice(sees_x, to_x(y), truth_y),
        }
    before = weights_of(sees_y), weights_of(sees_x)
    values = step_of(learner)
    assert values == pytest.approx(expected, rel=1e-4)
    assert not moved(sees_y, before[0])
    assert moved(sees_x, before[1])
    assert moved(to_y, weights_of(gan(tiny_harmonizer, weights={**OFF, "cycle": 1.0}).to_y))


def test_without_the_source_network_two_dice_losses_are_left(tiny_harmonizer, taught):
    weights = {**OFF, "dice_target": 20.0, "dice_cycle": 0.0}
    learner = gan(tiny_harmonizer, weights=weights, teachers={"model": taught})
    assert "sees_x" not in learner.networks
    values = step_of(learner)
    assert values["dice identity"] > 0
    assert values["dice cycle"] == values["dice harmonization"] == 0


def test_the_source_network_begins_untrained_or_as_the_target_s(tiny_harmonizer, taught):
    config = tiny_harmonizer("cyclegan", {"teachers": {"model": taught}})
    target = target_network(config.cycle_gan.teachers, config.grid)
    begun, copied = source_network(target, "untrained"), source_network(target, "target")
    assert not any(p.requires_grad for p in target.parameters())
    assert all(p.requires_grad for p in begun.parameters())
    assert moved(begun, weights_of(target))
    assert not moved(copied, weights_of(target))
    with pytest.raises(InputError, match="multiples of 32"):
        target_network(config.cycle_gan.teachers, type(config.grid)(36, 36, 5.0))


def test_a_model_that_ships_can_teach(tiny_harmonizer):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    config = tiny_harmonizer("cyclegan", {"teachers": {"model": "balanced"}})
    with torch.inference_mode():
        assert target_network(config.cycle_gan.teachers, config.grid)(images()[:1]).shape == (1, 7, 32, 32)


def test_gradients_of_radiomics_reach_the_image_and_follow_them_down():
    """Plain descent on the loss alone brings the features of an image to the target's."""
    settings = RadiomicTerm(features=("original_glcm_SumEntropy", "original_glrlm_ShortRunEmphasis"), temperature=0.3)
    mask = centre_masks(images(1, 1), 0.5)
    target = measured(settings, [(image, mask) for image in images(9, 4).split(1)])
    image = torch.nn.functional.avg_pool2d(images(1, 1), 9, 1, 4).requires_grad_()
    losses = []
    optimizer = torch.optim.Adam([image], lr=0.003)
    for _ in range(40):
        loss = target.loss(image, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert float(image.grad.abs()[mask == 0].max()) == 0
    assert losses[-1] < 0.3 * losses[0]


def test_features_of_the_target_are_measured_selected_and_remembered():
    batches = [(image, centre_masks(image, 0.5)) for image in images(4, 12).split(1)]
    named = RadiomicTerm(features=("original_firstorder_Mean",))
    rows = [float(extractor(named, named.features)(stretched(i, m), m)) for i, m in batches]
    target = measured(named, batches)
    assert target.reference.mean == pytest.approx((np.mean(rows),))
    assert RadiomicTarget.remembered(named, target.as_dict()) == target
    selected = measured(RadiomicTerm(), batches).reference.names
    assert 1 <= len(selected) <= 5
    assert len(set(selected)) == len(selected)


def test_regions_are_the_middle_columns_or_the_box_of_what_was_found():
    masks = centre_masks(torch.zeros(1, 1, 4, 320), 0.375)
    assert masks[0, 0, 0].nonzero().flatten().tolist() == list(range(100, 220))
    assert bool((masks[0, 0] == masks[0, 0, 0]).all())
    classes = torch.zeros(2, 5, 6, dtype=torch.int64)
    classes[0, 1, 2] = classes[0, 3, 4] = 2
    found = boxes(classes)
    assert found.shape == (2, 1, 5, 6)
    assert found[0, 0].nonzero().tolist() == [[r, c] for r in (1, 2, 3) for c in (2, 3, 4)]
    assert bool((found[1] == 1).all())


def test_a_region_is_stretched_by_its_own_extremes():
    image = torch.tensor([[[[0.0, 0.2, 0.4], [0.3, 0.9, 0.4]]]])
    mask = torch.tensor([[[[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]]])
    result = stretched(image, mask)[mask > 0]
    assert result.tolist() == pytest.approx([0, 255, 127.5, 255], abs=1e-3)


def test_a_pool_gives_every_fresh_image_until_it_is_full_and_then_one_in_two_from_earlier():
    pool, rng = ImagePool(4), np.random.default_rng(0)
    first = torch.arange(4.0).reshape(4, 1, 1, 1) / 8
    assert torch.equal(pool.exchanged(first, rng), first)
    later = torch.full((400, 1, 1, 1), 0.75)
    given = pool.exchanged(later, rng).flatten()
    earlier = given[given != 0.75]
    assert set(earlier.tolist()) == {0.0, 0.125, 0.25, 0.375}  # each leaves the pool once
    assert len(pool.images) == 4
    again = ImagePool(4)
    again.restore(pool.state(), "cpu")
    assert all(torch.equal(a, b) for a, b in zip(pool.images, again.images, strict=True))
    assert torch.equal(ImagePool(0).exchanged(first, rng), first)


def test_classifier_and_auto_encoder_take_turns(tiny_harmonizer):
    learner = StyleBlindAutoEncoder(tiny_harmonizer("harmonae"), MACHINE)
    before = {name: weights_of(network) for name, network in learner.networks.items()}
    values = step_of(learner)
    assert tuple(values) == ("reconstruction", "adversarial", "latent", "classifier")
    assert all(moved(network, before[name]) for name, network in learner.networks.items())
    untouched = StyleBlindAutoEncoder(
        tiny_harmonizer("harmonae", {"weights": {"reconstruction": 0.0, "adversarial": 1.0, "latent": 0.0}}), MACHINE
    )
    decoder = weights_of(untouched.network.up)
    step_of(untouched)
    assert not moved(untouched.network.up, decoder)  # the adversary speaks to the encoder alone


def test_the_adversary_waits_for_the_warm_up(tiny_harmonizer):
    weights = {"reconstruction": 0.0, "adversarial": 1.0, "latent": 0.0}
    learner = StyleBlindAutoEncoder(tiny_harmonizer("harmonae", {"weights": weights, "warm_up_steps": 1}), MACHINE)
    before = weights_of(learner.network.encoder)
    assert step_of(learner, 0)["adversarial"] > 0
    assert not moved(learner.network.encoder, before)
    step_of(learner, 1)
    assert moved(learner.network.encoder, before)


def test_another_scanner_is_never_the_own_one(tiny_harmonizer):
    learner = StyleBlindAutoEncoder(tiny_harmonizer("harmonae"), MACHINE)
    domains = torch.tensor([0, 1] * 20)
    others = learner._others(domains, Moment(0, np.random.default_rng(0)))
    assert torch.equal(others, 1 - domains)
    assert torch.equal(learner.code(domains[:2]), torch.eye(2))


def test_an_image_discriminator_is_an_option(tiny_harmonizer):
    weights = {"reconstruction": 1.0, "adversarial": 1.0, "latent": 1.0, "image": 1.0}
    learner = StyleBlindAutoEncoder(tiny_harmonizer("harmonae", {"weights": weights, "discriminator_width": 4}), MACHINE)
    before = weights_of(learner.networks["discriminator"])
    values = step_of(learner)
    assert values["image"] > 0 and values["discriminator"] > 0
    assert moved(learner.networks["discriminator"], before)


def test_auto_encoding_learns(tiny_harmonizer):
    options = {"weights": {"reconstruction": 1.0, "adversarial": 0.0, "latent": 0.0}}
    config = tiny_harmonizer("harmonae", options, optimizer={"learning_rate": 5e-3})
    learner = StyleBlindAutoEncoder(config, MACHINE)
    losses = [step_of(learner, step=0)["reconstruction"] for _ in range(60)]
    means = [np.mean(losses[start : start + 20]) for start in (0, 20, 40)]
    assert all(later < earlier for earlier, later in pairwise(means))


def test_averages_stand_in_for_a_while_and_leave_no_trace(tiny_harmonizer):
    learner = gan(tiny_harmonizer, weights={**OFF, "cycle": 1.0})
    start = weights_of(learner.to_y)
    step_of(learner)
    own = weights_of(learner.to_y)
    with torch.no_grad():
        expected = gan(tiny_harmonizer, weights={**OFF, "cycle": 1.0}).to_y
        expected.load_state_dict(start)
        wanted = expected(images()[:2])
    assert torch.allclose(learner.harmonized(images()[:2]), wanted, atol=1e-6)  # nothing was averaged yet
    assert not moved(learner.to_y, own)

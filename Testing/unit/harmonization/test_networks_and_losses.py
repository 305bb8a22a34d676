"""The published shapes and losses: receptive field, parameters, equations by hand."""

import math

import pytest

from spinemr.harmonization.networks.patch_discriminator import KERNEL, STRIDES, patch_discriminator, receptive_field
from spinemr.harmonization.networks.scanner_classifier import scanner_classifier
from spinemr.harmonization.networks.style_blind import StyleBlindOptions, style_blind
from spinemr.harmonization.networks.style_transfer import StyleTransferOptions, style_transfer
from spinemr.imaging.errors import InputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.harmonization.losses.dice import pseudo_truth, soft_dice_loss  # noqa: E402
from spinemr.harmonization.losses.image import (  # noqa: E402
    cycle_loss,
    discriminator_loss,
    generator_loss,
    perplexity_loss,
    reconstruction_loss,
)


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(3)


def test_the_receptive_field_is_34_by_computation():
    assert receptive_field((KERNEL, stride) for stride in STRIDES) == 34


def test_the_receptive_field_is_34_by_gradients():
    network = patch_discriminator(4).double().eval()
    image = torch.randn(1, 1, 80, 80, dtype=torch.double, requires_grad=True)
    # Instance normalisation looks at the whole image; without it only the convolutions' reach is left.
    plain = torch.nn.Sequential(*(layer for layer in network if not isinstance(layer, torch.nn.InstanceNorm2d)))
    judged = plain(image)
    judged[0, 0, judged.shape[2] // 2, judged.shape[3] // 2].backward()
    touched = image.grad[0, 0] != 0
    assert int(touched.any(dim=0).sum()) == 34 and int(touched.any(dim=1).sum()) == 34


def test_the_generator_has_the_published_shape_and_keeps_the_size():
    network = style_transfer(StyleTransferOptions())
    # 9x9, two strided, five blocks of two, two upsampling, 9x9; weights and biases of instance norm for all but the last
    convolutions = [(1, 32, 9), (32, 64, 3), (64, 128, 3), *[(128, 128, 3)] * 10, (128, 64, 3), (64, 32, 3)]
    expected = sum(i * o * k * k + o + 2 * o for i, o, k in convolutions) + 32 * 81 + 1
    assert sum(p.numel() for p in network.parameters()) == expected
    assert network(torch.rand(2, 1, 40, 24)).shape == (2, 1, 40, 24)


def test_a_generator_that_adds_begins_as_the_identity():
    image = torch.rand(1, 3, 24, 24) * 0.9 + 0.05
    network = style_transfer(StyleTransferOptions(width=4, residual_image=True, inputs=3))
    assert torch.allclose(network(image), image[:, 1:2], atol=1e-5)


def test_the_auto_encoder_gives_images_that_depend_on_the_code():
    options = StyleBlindOptions(scanners=3, width=4, blocks=2)
    network, classifier = style_blind(options), scanner_classifier(options)
    image, codes = torch.rand(2, 1, 32, 48), torch.eye(3)
    latent = network.encode(image)
    assert latent.shape == (2, 16, 8, 12)
    one, other = network(image, codes[[0, 0]]), network(image, codes[[2, 2]])
    assert one.shape == image.shape and (one - other).abs().max().item() > 1e-4
    assert torch.equal(network.decode(latent, codes[[0, 0]]), one)
    assert classifier(latent).shape == (2, 3)


def test_the_adversarial_loss_by_hand():
    real, fake = torch.tensor([0.0, 2.0]), torch.tensor([-1.0])
    expected = (-(math.log(0.5) + math.log(1 / (1 + math.exp(-2)))) / 2 - math.log(1 - 1 / (1 + math.e))) / 2
    assert float(discriminator_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(generator_loss(fake)) == pytest.approx(-math.log(1 / (1 + math.e)), rel=1e-6)
    assert float(discriminator_loss(real, fake, least_squares=True)) == pytest.approx((1.0 + 1.0) / 2)
    assert float(generator_loss(fake, least_squares=True)) == pytest.approx(4.0)


def test_perplexity_is_least_at_chance_and_grows_to_both_sides():
    scanners = torch.tensor([1])

    def loss(p):
        rest = (1 - p) / 3
        return float(perplexity_loss(torch.log(torch.tensor([[rest, p, rest, rest]])), scanners))

    assert loss(0.25) == pytest.approx(0, abs=1e-6)
    assert loss(0.5) == pytest.approx(math.log(4) - math.log(2), rel=1e-5)
    assert loss(0.05) == pytest.approx(-math.log(4) - math.log(0.05), rel=1e-5)


def test_reconstruction_counts_the_image_and_both_derivatives():
    made, original = torch.zeros(1, 1, 2, 2), torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])
    assert float(reconstruction_loss(made, original)) == pytest.approx(1.0 + (0 + 2) / 2 + (1 + 3) / 2)
    assert float(cycle_loss(made, original)) == pytest.approx(1.0)


def test_soft_dice_by_hand_and_without_gradient_through_the_truth():
    logits = torch.tensor([[[[2.0, -1.0]], [[0.0, 3.0]]]], requires_grad=True)
    truth = pseudo_truth(logits)
    assert truth.tolist() == [[[[1.0, 0.0]], [[0.0, 1.0]]]] and not truth.requires_grad
    prediction = torch.tensor([[[[0.8, 0.4]], [[0.2, 0.6]]]])
    assert float(soft_dice_loss(prediction, truth)) == pytest.approx(1 - (2 * 0.6 + 1) / (0.8 + 1 + 1))


def test_options_are_checked_by_name():
    with pytest.raises(InputError, match="no option"):
        StyleTransferOptions.of({"depth": 3})
    with pytest.raises(InputError, match="cannot be"):
        StyleTransferOptions.of({"width": "wide"})
    with pytest.raises(InputError, match="two scanners"):
        StyleBlindOptions.of({"scanners": 1})

"""Every network of the registry: it builds offline, keeps the size of its input, and is as large as published."""

import pytest

from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import CLASS_COUNT
from spinemr.segmentation.networks.plain_unet import PlainUNetOptions
from spinemr.segmentation.networks.registry import KIM_2024_PAIRS, NETWORKS, build_network, network_entry, parameter_count

PUBLISHED_MILLIONS = {
    "resnet34-unet": 24.4, "resnet34-unetplusplus": 26.1, "resnet34-deeplabv3": 26.0,
    "resnet50-unet": 32.5, "resnet50-unetplusplus": 49.0, "resnet50-deeplabv3": 39.6,
    "resnet101-unet": 51.5, "resnet101-unetplusplus": 68.0, "resnet101-deeplabv3": 58.6,
}  # fmt: skip
"""Trainable parameters, Kim 2024, Table 2."""


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)


@pytest.fixture
def _smp(torch):  # noqa: ARG001 - skipped without it
    pytest.importorskip("segmentation_models_pytorch", reason="segmentation-models-pytorch is not installed")


def output_shape(torch, network, *shape):
    with torch.inference_mode():
        return tuple(network.eval()(torch.rand(*shape)).shape)


def test_the_nine_pairs_and_light_encoders_are_there():
    assert set(KIM_2024_PAIRS) == set(PUBLISHED_MILLIONS)
    assert {"plain-unet", "efficientnet-b0-unet", "mobilenetv3-unet", "basic-unet-3d", *KIM_2024_PAIRS} <= set(NETWORKS)


def test_an_unknown_network_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match="plain-unet"):
        network_entry("vnet")


@pytest.mark.parametrize(
    ("options", "channels"),
    [({}, (16, 32, 64, 128, 256)), ({"filters": 0.75, "levels": 3}, (12, 24, 48)), ({"filters": 0.5, "levels": 2}, (8, 16))],
)
def test_filters_of_the_plain_unet(options, channels):
    assert PlainUNetOptions.of(options).channels == channels


@pytest.mark.parametrize(
    "options", [{"wide": 3}, {"levels": 1}, {"dropout": 1.0}, {"filters": 0.0}, {"width": "many"}, {"dilation": 0}]
)
def test_impossible_options_of_the_plain_unet_are_refused(options):
    with pytest.raises(InputError, match="U-Net"):
        PlainUNetOptions.of(options)


@pytest.mark.parametrize("options", [{}, {"batch_norm": False}, {"dilation": 2, "dropout": 0.8}, {"filters": 0.5, "levels": 4}])
def test_plain_unets_keep_the_size(torch, options):
    network = build_network("plain-unet", {"width": 8, **options})
    assert output_shape(torch, network, 2, 1, 32, 48) == (2, CLASS_COUNT, 32, 48)


@pytest.mark.usefixtures("torch")
def test_parameters_of_the_plain_unet_counted_by_hand():
    network = build_network("plain-unet", {"width": 2, "levels": 2, "batch_norm": False}, classes=3)
    convolutions = ((1, 2), (2, 2), (2, 4), (4, 4), (6, 2), (2, 2))
    by_hand = sum(9 * incoming * outgoing + outgoing for incoming, outgoing in convolutions)
    assert parameter_count(network) == by_hand + 3 * (2 + 1)


def test_dilation_and_dropout_are_in_the_bottleneck_alone(torch):
    network = build_network("plain-unet", {"width": 4, "levels": 3, "dilation": 2, "dropout": 0.5})
    dilations = {name: module.dilation for name, module in network.named_modules() if isinstance(module, torch.nn.Conv2d)}
    assert {name.split(".")[0] for name, dilation in dilations.items() if dilation == (2, 2)} == {"bottleneck"}
    network.train()
    torch.manual_seed(0)
    image = torch.rand(1, 1, 16, 16)
    assert not torch.equal(network(image), network(image))


@pytest.mark.slow
@pytest.mark.usefixtures("_smp")
@pytest.mark.parametrize("name", KIM_2024_PAIRS)
def test_pairs_are_as_large_as_published(torch, name):
    network = build_network(name, classes=1)
    assert parameter_count(network) / 1e6 == pytest.approx(PUBLISHED_MILLIONS[name], abs=0.06)
    assert output_shape(torch, network, 1, 1, 64, 64) == (1, 1, 64, 64)


@pytest.mark.usefixtures("_smp")
@pytest.mark.parametrize("name", ["efficientnet-b0-unet", "mobilenetv2-unet", "mobilenetv3-unet", "resnet18-unet"])
def test_light_encoders_keep_the_size(torch, name):
    assert output_shape(torch, build_network(name), 1, 1, 64, 96) == (1, CLASS_COUNT, 64, 96)


@pytest.mark.usefixtures("_smp")
def test_options_a_package_does_not_know_are_refused():
    with pytest.raises(InputError, match="no option 'colour'"):
        build_network("resnet18-unet", {"colour": "red"})
    with pytest.raises(InputError, match="does not take"):
        build_network("resnet18-unet", {"decoder_channels": 3})


def test_the_3d_network_works_on_patches(torch):
    pytest.importorskip("monai", reason="MONAI is not installed")
    network = build_network("basic-unet-3d")
    assert output_shape(torch, network, 1, 1, 32, 16, 16) == (1, CLASS_COUNT, 32, 16, 16)

"""Many slices at once: the values of the exact engine, whatever the levels, the batch and the place of the edges."""

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.imaging.errors import Cancelled, InputError, SpineMRError  # noqa: E402
from spinemr.radiomics.differentiable.features import AVAILABLE, SELECTED, DifferentiableFeatures  # noqa: E402
from spinemr.radiomics.differentiable.measure import measure_slices  # noqa: E402
from spinemr.radiomics.extraction import extract  # noqa: E402
from spinemr.radiomics.settings import Settings  # noqa: E402

NAMES = tuple(name for name in AVAILABLE if name not in ("original_firstorder_StandardDeviation", "original_glcm_MCC"))
"""But what pyradiomics leaves out by default, and an eigenvalue, which no two algorithms agree on to the last digits."""


@pytest.fixture
def slices(rng):
    """Three slices of whole numbers, many of them on the edges of bins, and masks of their own with holes."""
    coarse = rng.integers(0, 11, size=(3, 26, 22)) * 25
    fine = np.clip(coarse + np.where(rng.uniform(size=coarse.shape) < 0.5, 0, rng.integers(-12, 13, size=coarse.shape)), 0, 255)
    return fine.astype(np.int16), rng.uniform(size=fine.shape) < 0.8


def exact(image, mask, settings):
    plain = sitk.GetImageFromArray(image[None]), sitk.GetImageFromArray(mask[None].astype(np.uint8))
    found = extract(*plain, settings)[1]
    return [found[name] for name in NAMES]


@pytest.mark.parametrize("binning", [{}, {"bin_width": 5.0}, {"bin_count": 64}], ids=str)
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_values_are_those_of_the_exact_engine(slices, binning, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    settings = Settings(force_2d=True, feature_classes={"firstorder": (), "glcm": (), "glrlm": ()}, **binning)
    truth = [exact(image, mask, settings) for image, mask in zip(*slices, strict=True)]
    found = measure_slices(*slices, NAMES, settings, device=device, batch=2)
    assert found.shape == (3, len(NAMES))
    assert np.allclose(found, truth, rtol=1e-6, atol=1e-9)


def test_one_mask_serves_all_and_the_batch_changes_nothing(slices):
    images, masks = slices
    alone = [measure_slices(image[None], masks[:1], device="cpu")[0] for image in images]
    assert np.allclose(measure_slices(images, masks[0], device="cpu"), alone, rtol=1e-12)
    assert measure_slices(images[:0], masks[:0]).shape == (0, len(SELECTED))


def test_no_gradient_flows_through_exact_levels(slices):
    images, masks = (torch.as_tensor(array) for array in slices)
    assert not DifferentiableFeatures(temperature=0.0)(images.double().requires_grad_(), masks).requires_grad


def test_what_cannot_be_measured(slices):
    images, masks = slices
    none = masks.copy()
    none[2] = False
    with pytest.raises(InputError, match=r"Of the slices from number 2: The mask of image 0 of the batch is empty"):
        measure_slices(images, none, device="cpu", batch=2)
    with pytest.raises(SpineMRError, match="'tpu' is no device"):
        measure_slices(images, masks, device="tpu")


def test_it_can_be_cancelled(slices):
    def stop(_state):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure_slices(*slices, device="cpu", progress=stop)

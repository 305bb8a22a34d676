"""What differentiable features cannot work on is said in a sentence."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.imaging.errors import GeometryError, InputError  # noqa: E402
from spinemr.radiomics.differentiable.features import DifferentiableFeatures  # noqa: E402


def test_an_empty_mask_is_named():
    masks = torch.ones(3, 4, 4)
    masks[1] = 0
    with pytest.raises(InputError, match="mask of image 1 of the batch is empty"):
        DifferentiableFeatures()(torch.rand(3, 4, 4), masks)


def test_a_mask_without_neighbours_has_no_texture():
    masks = torch.zeros(1, 5, 5)
    masks[0, 1, 1] = masks[0, 3, 4] = 1
    with pytest.raises(InputError, match="image 0 of the batch has no two pixels side by side"):
        DifferentiableFeatures()(torch.rand(1, 5, 5), masks)
    assert DifferentiableFeatures(("original_firstorder_Mean",))(torch.ones(1, 5, 5), masks).item() == 1


@pytest.mark.parametrize("shape", [(2, 4, 5), (3, 4, 4), (1, 2, 4, 4), (4,)], ids=str)
def test_masks_on_another_grid_are_refused(shape):
    with pytest.raises(GeometryError, match="Masks"):
        DifferentiableFeatures()(torch.rand(2, 4, 4), torch.ones(shape))


def test_intensities_that_are_not_finite_are_refused():
    image = torch.ones(1, 4, 4)
    image[0, 2, 2] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        DifferentiableFeatures()(image, torch.ones(4, 4))


def test_a_bin_width_far_too_small_is_refused():
    with pytest.raises(InputError, match="40001 grey levels"):
        DifferentiableFeatures(bin_width=0.1)(torch.tensor([[[0.0, 4000.0], [1.0, 2.0]]]), torch.ones(2, 2))


@pytest.mark.parametrize(
    "settings", [{"names": ("glcm_Idmn",)}, {"names": ()}, {"bin_width": 0.0}, {"bin_count": 1}, {"temperature": -0.1}], ids=str
)
def test_impossible_settings_are_refused_at_once(settings):
    with pytest.raises(InputError):
        DifferentiableFeatures(**settings)

"""The radiomic-feature loss against values computed by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.imaging.errors import InputError  # noqa: E402
from spinemr.radiomics.differentiable.loss import RadiomicReference, radiomic_feature_loss  # noqa: E402


def test_the_loss_is_the_mean_difference_in_scales():
    features = torch.tensor([[1.0, 20.0], [3.0, 40.0]], requires_grad=True)
    reference = RadiomicReference.of(("a", "b"), [[1.0, 10.0], [3.0, 30.0]])
    assert reference.mean == (2.0, 20.0) == reference.scale
    loss = radiomic_feature_loss(features, reference)
    assert loss.item() == pytest.approx((1 / 2 + 1 / 2 + 0 / 20 + 20 / 20) / 4)
    loss.backward()
    assert torch.allclose(features.grad, torch.tensor([[-1 / 8, 0.0], [1 / 8, 1 / 80]]))


def test_the_loss_of_the_mean_lets_images_differ():
    features = torch.tensor([[1.0, 10.0], [3.0, 40.0]])
    target = torch.tensor([2.0, 20.0])
    assert radiomic_feature_loss(features, target, of_mean=True).item() == pytest.approx((0 + 5) / 2)
    assert radiomic_feature_loss(features, target).item() == pytest.approx((1 + 1 + 10 + 20) / 4)
    paired = torch.tensor([[1.0, 10.0], [2.0, 40.0]], requires_grad=True)
    assert radiomic_feature_loss(features.requires_grad_(), paired, torch.tensor([0.5, 1.0])).item() == pytest.approx(2 / 4)


@pytest.mark.parametrize(("scale_by", "scale"), [("mean", (3.0, 1.0)), ("spread", (1.0, 2.0)), ("nothing", (1.0, 1.0))])
def test_scales_of_a_reference(scale_by, scale):
    assert RadiomicReference.of(("a", "b"), [[2.0, -2.0], [4.0, 2.0]], scale_by).scale == scale


@pytest.mark.parametrize(
    "make",
    [
        lambda: RadiomicReference.of(("a",), [[1.0, 2.0]]),
        lambda: RadiomicReference.of(("a",), [[np.nan]]),
        lambda: RadiomicReference(("a",), (1.0,), (0.0,)),
        lambda: radiomic_feature_loss(torch.ones(2, 3), torch.ones(2)),
        lambda: radiomic_feature_loss(torch.ones(2, 3), torch.ones(1, 2, 3)),
    ],
)
def test_references_that_do_not_fit_are_refused(make):
    with pytest.raises(InputError):
        make()

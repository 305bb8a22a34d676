"""Gradients of differentiable features against finite differences, in double precision."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.radiomics.differentiable.features import AVAILABLE, SELECTED, DifferentiableFeatures  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """These tensors are too small to share: with several threads on a busy machine each operation waits for the others."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", AVAILABLE)
def test_gradients_are_those_of_the_formulas(name, rng):
    images = torch.tensor(rng.uniform(0, 100, size=(2, 4, 5)), requires_grad=True)
    masks = torch.ones(2, 4, 5, dtype=torch.bool)
    masks[0, 1, 2] = masks[1, 3] = False
    features = DifferentiableFeatures((name,), temperature=0.2)
    assert torch.autograd.gradcheck(lambda x: features(x, masks), (images,), eps=1e-5, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"bin_count": 5}, {"merged": True}, {"distances": (1, 2)}], ids=str)
@pytest.mark.parametrize("name", [*SELECTED, "original_firstorder_Entropy", "original_glrlm_LongRunEmphasis"])
def test_gradients_with_other_settings(name, settings, rng):
    images = torch.tensor(rng.uniform(0, 100, size=(1, 4, 5)), requires_grad=True)
    features = DifferentiableFeatures((name,), temperature=0.2, **settings)
    masks = torch.ones(1, 4, 5)
    assert torch.autograd.gradcheck(lambda x: features(x, masks), (images,), eps=1e-5, atol=1e-6, rtol=1e-4)


def test_a_region_of_one_line_has_pairs_in_one_direction_and_finite_gradients(rng):
    line = torch.tensor(rng.uniform(0, 200, size=(1, 1, 12)), requires_grad=True)
    features = DifferentiableFeatures(AVAILABLE, temperature=0.1)
    across, down = (features(image, torch.ones_like(image)) for image in (line, line.mT))
    assert torch.allclose(across, down)
    across.sum().backward()
    assert torch.isfinite(line.grad).all() and line.grad.abs().max() > 0

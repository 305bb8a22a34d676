"""Differentiable features: as exact as said, with gradients that are those of the formulas and that lead somewhere."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.imaging.errors import InputError  # noqa: E402
from spinemr.radiomics.differentiable.batch import cut_batch  # noqa: E402
from spinemr.radiomics.differentiable.cooccurrence import cooccurrence, directions  # noqa: E402
from spinemr.radiomics.differentiable.features import AVAILABLE, SELECTED, DifferentiableFeatures  # noqa: E402
from spinemr.radiomics.differentiable.loss import RadiomicReference, radiomic_feature_loss  # noqa: E402
from spinemr.radiomics.differentiable.run_lengths import run_lengths  # noqa: E402
from spinemr.radiomics.differentiable.soft_levels import Binning, annealed_temperature, soft_levels  # noqa: E402
from spinemr.radiomics.extraction import extract  # noqa: E402
from spinemr.radiomics.settings import Settings  # noqa: E402
from spinemr.synthesis.anatomy.assemble import draw_spine  # noqa: E402
from spinemr.synthesis.sample import draw_sample  # noqa: E402

IN_PLANE = {"firstorder": (), "glcm": (), "glrlm": ()}
NAMES = tuple(name for name in AVAILABLE if name != "original_firstorder_StandardDeviation")
"""Those that pyradiomics computes by default."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """These tensors are too small to share: with several threads on a busy machine each operation waits for the others."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def exact_features(image, mask, **settings):
    """By the exact engine, in the plane."""
    whole = Settings(force_2d=True, feature_classes=IN_PLANE, **settings)
    return extract(sitk.GetImageFromArray(image[None]), sitk.GetImageFromArray(mask[None].astype(np.uint8)), whole)[1]


def soft_features(image, mask, names=NAMES, **settings):
    """Of one slice, by name."""
    found = DifferentiableFeatures(names, **settings)(torch.as_tensor(image), torch.as_tensor(mask))[0]
    return dict(zip(names, found.tolist(), strict=True))


def largest_error(image, mask, names=NAMES, *, exact_settings=None, **settings):
    """The largest relative error of some features, and of which."""
    truth = exact_features(image, mask, **(exact_settings or {}))
    found = soft_features(image, mask, names, **settings)
    return max((abs(found[name] - truth[name]) / max(abs(truth[name]), 1e-9), name) for name in names)


@pytest.fixture
def noise(rng):
    """A 24 x 20 slice of smooth noise over 0..255 that is not of whole numbers, and a mask with holes."""
    grain = rng.normal(size=(24, 20))
    smooth = grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1)
    image = 255 * (smooth - smooth.min()) / np.ptp(smooth)
    return image, rng.uniform(size=image.shape) < 0.9


@pytest.fixture(scope="module")
def drawn():
    """Four drawn slices as 8-bit files hold them, and the mask of the vertebra each shows most of."""
    rng = np.random.default_rng(7)
    found = []
    seeds = itertools.count(1)
    while len(found) < 4:
        sample = draw_sample(draw_spine(next(seeds)), rng, 192, 192, mixture_share=0.0)
        labels, sizes = np.unique(sample.labels[(sample.labels > 19) & (sample.labels < 26)], return_counts=True)
        if len(sizes) and sizes.max() > 400:
            found.append((np.round(255 * sample.image).astype(np.float64), sample.labels == labels[sizes.argmax()]))
    return found


@pytest.mark.parametrize(
    ("exact_settings", "settings"),
    [
        ({"bin_width": 25.0}, {"bin_width": 25.0}),
        ({"bin_width": 4.0}, {"bin_width": 4.0}),
        ({"bin_count": 16}, {"bin_count": 16}),
        ({"bin_width": 25.0, "distances": (1, 2)}, {"bin_width": 25.0, "distances": (1, 2)}),
        ({"bin_width": 25.0, "weighting_norm": "no_weighting"}, {"bin_width": 25.0, "merged": True}),
    ],
    ids=["width", "narrow", "count", "distances", "merged"],
)
def test_hard_levels_give_the_exact_features(noise, exact_settings, settings):
    error, name = largest_error(*noise, exact_settings=exact_settings, temperature=1e-7, **settings)
    assert error < 1e-8, name


def test_hard_levels_give_the_exact_features_of_one_slice_computed_by_hand():
    image = np.array([[10.0, 10.0, 60.0], [10.0, 60.0, 60.0]])
    found = soft_features(image, np.ones((2, 3), bool), SELECTED, bin_width=50.0, temperature=1e-6)
    # Pairs like and unlike: across 2 and 2, down 2 and 1, one diagonal 0 and 2, the other 2 and 0. Runs: across, down and along
    # one diagonal two of one pixel and two of two, along the other six of one.
    unlike = np.array([2 / 4, 1 / 3, 2 / 2, 0.0])
    assert found["original_glcm_Idmn"] == pytest.approx(np.mean(1 - unlike + unlike / (1 + 1 / 4)), rel=1e-6)
    entropy = [-sum(p * np.log2(p) for p in (u, 1 - u) if p) for u in unlike]
    assert found["original_glcm_DifferenceEntropy"] == pytest.approx(np.mean(entropy), rel=1e-6)
    runs = [(2 + 2 / 4) / 4] * 3 + [1.0]
    assert found["original_glrlm_ShortRunEmphasis"] == pytest.approx(np.mean(runs), rel=1e-6)


def test_soft_levels_stay_within_two_percent_on_drawn_slices(drawn):
    for image, mask in drawn:
        error, name = largest_error(image, mask, intensity_step=1.0)
        assert error < 0.02, name


def test_a_wider_temperature_is_further_from_the_truth(drawn):
    image, mask = drawn[0]
    errors = [largest_error(image, mask, SELECTED, intensity_step=1.0, temperature=t)[0] for t in (0.3, 0.03, 0.001)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_whole_numbers_on_edges_belong_to_the_upper_level_only_with_their_step(noise):
    image, mask = 25.0 * np.round(noise[0] / 25), noise[1]
    assert largest_error(image, mask, SELECTED, intensity_step=1.0, temperature=0.001)[0] < 1e-4
    assert largest_error(image, mask, SELECTED, intensity_step=0.0, temperature=0.001)[0] > 0.05


@pytest.mark.realdata
@pytest.mark.parametrize("width", [25.0, 4.0])
def test_soft_levels_stay_within_two_percent_on_real_slices(data_dir, width):
    pictures = sorted((data_dir / "t1_midsagittal" / "images").glob("*.png"))[::150]
    for picture in pictures:
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(picture))).astype(np.float64)
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(picture.parents[1] / "labels" / picture.name)))
        crop = np.zeros(labels.shape, bool)
        crop[32:352, 132:252] = True
        for mask in (labels == 3, labels == 13, crop):
            error, name = largest_error(image, mask, exact_settings={"bin_width": width}, bin_width=width, intensity_step=1.0)
            assert error < 0.02, (picture.name, name)


@pytest.mark.realdata
def test_the_five_agree_with_pyradiomics_on_real_slices(data_dir):
    extractor = pytest.importorskip("radiomics.featureextractor", reason="pyradiomics is not installed")
    engine = extractor.RadiomicsFeatureExtractor(force2D=True, force2Ddimension=0)
    engine.disableAllFeatures()
    engine.enableFeaturesByName(glcm=[], glrlm=[])
    for picture in sorted((data_dir / "mendeley_sagittal").glob("*.png"))[::40]:
        image = sitk.Cast(sitk.ReadImage(str(picture)), sitk.sitkFloat64)[100:220, :320]
        mask = sitk.Cast(image >= 0, sitk.sitkUInt8)
        truth = engine.execute(sitk.JoinSeries(image), sitk.JoinSeries(mask))
        found = soft_features(*map(sitk.GetArrayFromImage, (image, mask)), SELECTED, intensity_step=1.0)
        for name in SELECTED:
            assert found[name] == pytest.approx(float(truth[name]), rel=0.01), (picture.name, name)


def test_weights_of_a_pixel_add_up_to_one_inside_the_mask_and_to_zero_outside(noise):
    values, inside = cut_batch(*map(torch.as_tensor, noise))
    levels = soft_levels(values, inside, Binning(temperature=0.3))
    assert levels.line == values.shape[2] + 1
    sums = levels.weights.sum(dim=1).view(1, values.shape[1] + 1, levels.line)
    assert torch.allclose(sums[:, :-1, :-1], inside.double())
    assert sums[:, -1].abs().max() == 0 == sums[..., -1].abs().max()


def test_every_soft_pixel_lies_in_one_run(noise):
    values, inside = cut_batch(*map(torch.as_tensor, noise))
    for longest in (3, 24):
        runs = run_lengths(soft_levels(values, inside, Binning(temperature=0.1)), longest)
        pixels = (runs.counts.sum(dim=2) * runs.lengths).sum(dim=-1)
        assert torch.allclose(pixels, torch.full_like(pixels, float(inside.sum())), rtol=1e-6)


def test_directions_are_half_the_neighbours():
    assert directions() == ((0, 1), (1, -1), (1, 0), (1, 1))
    assert len(directions((2,))) == 8 and len(directions((1, 2))) == 12
    with pytest.raises(InputError, match="whole numbers"):
        directions((0,))


def test_matrices_are_symmetric_and_add_up_to_one(noise):
    values, inside = cut_batch(*map(torch.as_tensor, noise))
    matrix = cooccurrence(soft_levels(values, inside, Binning(temperature=0.1)))
    assert torch.equal(matrix.shares, matrix.shares.mT)
    assert torch.allclose(matrix.shares.sum(dim=(-1, -2)), torch.ones(1, 4, dtype=torch.float64))


def test_temperatures_fall_from_start_to_end():
    assert annealed_temperature(0, 10) == pytest.approx(0.3)
    assert annealed_temperature(5, 10, 0.4, 0.1) == pytest.approx(0.2)
    assert annealed_temperature(99, 10) == pytest.approx(0.004)
    with pytest.raises(InputError):
        annealed_temperature(0, 10, 0.01, 0.1)


def test_pixels_outside_the_mask_have_no_gradient(noise):
    image = torch.tensor(noise[0], requires_grad=True)
    mask = torch.as_tensor(noise[1])
    DifferentiableFeatures(AVAILABLE, temperature=0.1)(image, mask).sum().backward()
    assert image.grad[~mask].abs().max() == 0
    assert (image.grad[mask] != 0).double().mean() > 0.9


@pytest.mark.parametrize("settings", [{}, {"bin_count": 16}, {"bin_count": 15}, {"intensity_step": 1.0}], ids=str)
@pytest.mark.parametrize("value", [0.0, 100.0, 250.0])
def test_a_region_of_one_intensity_has_the_exact_values_and_finite_gradients(value, settings):
    image = torch.full((1, 1, 9, 9), value, requires_grad=True)
    mask = np.ones((9, 9), bool)
    found = DifferentiableFeatures(NAMES, **settings)(image, torch.as_tensor(mask))
    found.sum().backward()
    assert torch.isfinite(image.grad).all()
    truth = exact_features(np.full((9, 9), value), mask, bin_count=settings.get("bin_count"))
    for name, feature in zip(NAMES, found[0].tolist(), strict=True):
        assert feature == pytest.approx(truth[name], rel=1e-4, abs=1e-4), name


def rescaled(images):
    """Over 0..255, as Kim 2024 prepares every slice."""
    return 255 * (images - images.amin()) / (images.amax() - images.amin())


def descended(image, target, steps):
    """An image moved by its gradient until its features are the target's."""
    moved = torch.tensor(image[None], requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=4.0)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=0.04)
    features = DifferentiableFeatures(target.names)
    for step in range(steps):
        optimizer.zero_grad()
        found = features.at(annealed_temperature(step, steps, 1.0))(rescaled(moved), torch.ones_like(moved))
        radiomic_feature_loss(found, target).backward()
        optimizer.step()
        plan.step()
    return rescaled(moved.detach())[0].numpy()


@pytest.mark.parametrize("start", ["rougher", "smoother"])
def test_descending_the_gradient_moves_an_image_onto_the_features_of_another(start, noise, rng):
    goal, everywhere = noise[0], np.ones((24, 20), bool)
    rough = rng.uniform(size=goal.shape) ** 2
    smooth = goal + np.roll(goal, 1, 0) + np.roll(goal, 2, 1)
    image = rescaled(torch.as_tensor(rough if start == "rougher" else smooth)).numpy()
    wanted, before = exact_features(goal, everywhere), exact_features(image, everywhere)
    assert abs(before["original_glcm_Correlation"] / wanted["original_glcm_Correlation"] - 1) > 0.5
    target = RadiomicReference.of(SELECTED, [[wanted[name] for name in SELECTED]])
    after = exact_features(descended(image, target, 150), everywhere)
    for name in SELECTED:
        assert after[name] == pytest.approx(wanted[name], rel=0.01), name


def test_a_batch_gives_what_its_images_give_one_by_one(drawn):
    images = torch.tensor(np.stack([image for image, _ in drawn]))
    masks = torch.tensor(np.stack([mask for _, mask in drawn]))
    together = DifferentiableFeatures(AVAILABLE)(images[:, None], masks[:, None])
    alone = torch.cat([DifferentiableFeatures(AVAILABLE)(image, mask) for image, mask in zip(images, masks, strict=True)])
    assert torch.allclose(together, alone, rtol=1e-9, atol=1e-9)
    assert together.shape == (4, len(AVAILABLE)) and together.dtype == torch.float64


def test_what_lies_outside_the_masks_and_how_far_they_lie_from_the_border_changes_nothing(noise):
    image, mask = map(torch.as_tensor, noise)
    padded = torch.nn.functional.pad(torch.where(mask, image, -1e6), (3, 5, 2, 7), value=float("nan"))
    around = torch.nn.functional.pad(mask, (3, 5, 2, 7))
    features = DifferentiableFeatures(AVAILABLE)
    assert torch.allclose(features(padded, around), features(image, mask), rtol=1e-9)


def test_half_precision_and_autocast_are_computed_in_single_precision(drawn):
    image, mask = (torch.as_tensor(part) for part in drawn[0])
    features = DifferentiableFeatures(SELECTED, intensity_step=1.0)
    plain = features(image.float(), mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = features(image.bfloat16(), mask)
    assert found.dtype == torch.float32
    assert torch.equal(found, plain)  # 8-bit intensities are whole in bfloat16 too


def test_intensities_are_clamped_on_demand(noise):
    image, mask = map(torch.as_tensor, noise)
    limited = DifferentiableFeatures(("original_firstorder_Maximum", "original_glcm_Contrast"), value_range=(0.0, 90.0))
    free = DifferentiableFeatures(limited.names)
    assert torch.equal(limited(image, mask), free(image.clamp(0.0, 90.0), mask))
    assert limited(image, mask)[0, 0] == 90


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same(drawn):
    images, masks = (torch.tensor(np.stack(part)) for part in zip(*drawn, strict=True))
    features = DifferentiableFeatures(AVAILABLE, intensity_step=1.0)
    assert torch.allclose(features(images.cuda(), masks.cuda()).cpu(), features(images, masks), rtol=1e-6)

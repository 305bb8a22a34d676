"""What every augmentation owes: reproducible, harmless at no strength, safe on any sample, clear about bad parameters."""

import inspect
import subprocess
import sys
from typing import get_origin

import numpy as np
import pytest

import spinemr.synthesis.augmentation as augmentation
from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation import (
    Affine,
    AffineElastic,
    Anisotropy,
    Bias,
    Blur,
    CoilFallOff,
    Compose,
    Crop,
    Elastic,
    Flip,
    Gamma,
    Ghosting,
    Gibbs,
    LowResolution,
    Maybe,
    MinMax,
    Motion,
    OneOf,
    PerLabelRedistribution,
    RandomCurve,
    RandomMixture,
    RandomShallowConvolution,
    RicianNoise,
    Sample,
    anatomy_groups,
    synthmri_augmentation,
    synthseg_augmentation,
    training_augmentation,
)

EVERY_ONE = {
    "affine": Affine(),
    "cubic affine": Affine(order=3),
    "elastic": Elastic(),
    "affine and elastic": AffineElastic(),
    "crop": Crop(rows=20, columns=48),
    "flip": Flip(),
    "bias": Bias(),
    "blur": Blur(),
    "coil": CoilFallOff(),
    "gamma": Gamma(),
    "min-max": MinMax(),
    "curve": RandomCurve(),
    "turning curve": RandomCurve(monotone=False),
    "convolution": RandomShallowConvolution(),
    "per label": PerLabelRedistribution(),
    "mixture": RandomMixture(),
    "noise": RicianNoise(),
    "gibbs": Gibbs(),
    "ghosting": Ghosting(),
    "motion": Motion(),
    "low resolution": LowResolution(),
    "anisotropy": Anisotropy(),
    "synthmri": synthmri_augmentation(),
    "synthseg": synthseg_augmentation(patch=(4, 24, 24)),
    "training": training_augmentation(anatomy_groups()),
}

WITHOUT_STRENGTH = {
    "affine": Affine(rotation_deg=0, scale=1, shift_mm=0),
    "cubic affine": Affine(rotation_deg=0, scale=1, shift_mm=0, order=3),
    "elastic": Elastic(displacement_mm=0),
    "affine and elastic": AffineElastic(Affine(0, 1, 0), Elastic(0)),
    "crop": Crop(),
    "flip": Flip(0, 0, 0),
    "bias": Bias(sigma=0),
    "blur": Blur(sigma_mm=0),
    "coil": CoilFallOff(share=0),
    "gamma": Gamma(exponent=1),
    "curve": RandomCurve(strength=0),
    "turning curve": RandomCurve(strength=0, monotone=False),
    "convolution": RandomShallowConvolution(share=0),
    "per label": PerLabelRedistribution(shift=0, spread=0),
    "noise": RicianNoise(sigma=0),
    "gibbs": Gibbs(kept=1),
    "ghosting": Ghosting(strength=0),
    "motion": Motion(shift_mm=0),
    "low resolution": LowResolution(factor=1),
    "anisotropy": Anisotropy(factor=1),
    "nothing": Compose(()),
    "never": Maybe(0, Gamma(3)),
}


def sample_of(slices=1, rows=40, columns=36, seed=0):
    random = np.random.default_rng(seed)
    labels = np.zeros((slices, rows, columns), np.uint8)
    labels[:, 8:20, 10:24] = 23
    labels[:, 20:25, 10:24] = 123
    image = (0.2 + 0.2 * (labels == 23) + 0.4 * (labels == 123) + 0.15 * random.random(labels.shape)).astype(np.float32)
    return Sample(image, labels, (4.0, 0.8, 0.9))


def test_table_above_names_every_class():
    listed = {type(a).__name__ for a in (*EVERY_ONE.values(), *WITHOUT_STRENGTH.values())}
    exported = {n: getattr(augmentation, n) for n in augmentation.__all__}
    classes = {n for n, found in exported.items() if inspect.isclass(found) and not get_origin(found)}
    assert classes - {"Sample", "Augmentation", "OneOf"} <= listed


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("name", EVERY_ONE)
def test_same_seed_same_sample_other_seed_another(name, slices):
    sample, step = sample_of(slices), EVERY_ONE[name]
    before = sample.image.copy(), sample.labels.copy()
    first, again = (step(sample, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    if name != "min-max":
        others = [step(sample, np.random.default_rng(seed)).image for seed in range(5, 11)]
        assert any(not np.array_equal(first.image, other) for other in others)
    np.testing.assert_array_equal(sample.image, before[0], err_msg="the given sample was written into")
    np.testing.assert_array_equal(sample.labels, before[1])


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("name", EVERY_ONE)
def test_no_new_label_and_one_kind_of_array(name, slices):
    sample = sample_of(slices)
    for seed in range(5):
        result = EVERY_ONE[name](sample, np.random.default_rng(seed))
        assert result.image.shape == result.labels.shape
        assert result.image.dtype == np.float32 and result.labels.dtype == np.uint8
        assert result.image.flags.c_contiguous and result.labels.flags.c_contiguous
        assert np.isfinite(result.image).all() and result.image.min() >= 0
        assert set(np.unique(result.labels)) <= {0, 23, 123}
        assert result.spacing_mm == sample.spacing_mm


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", EVERY_ONE)
def test_constant_image_stays_finite(name, value):
    labels = sample_of(2).labels
    constant = Sample(np.full(labels.shape, value, np.float32), labels, (4, 1, 1))
    assert np.isfinite(EVERY_ONE[name](constant, np.random.default_rng(1)).image).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 30), (1, 30, 1), (2, 2, 2), (1, 31, 17)])
@pytest.mark.parametrize("name", EVERY_ONE)
def test_smallest_and_odd_shapes(name, shape):
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    tiny = Sample(image, (image > 0.5).astype(np.uint8), (1, 1, 1))
    assert np.isfinite(EVERY_ONE[name](tiny, np.random.default_rng(1)).image).all()


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("name", WITHOUT_STRENGTH)
def test_no_strength_changes_nothing(name, slices, rng):
    sample = sample_of(slices)
    result = WITHOUT_STRENGTH[name](sample, rng)
    np.testing.assert_allclose(result.image, sample.image, atol=2e-6)
    np.testing.assert_array_equal(result.labels, sample.labels)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Affine(scale=0),
        lambda: Affine(scale=(1.2, 0.8)),
        lambda: Affine(rotation_deg=200),
        lambda: Affine(order=2),
        lambda: Affine(shift_mm="far"),
        lambda: Elastic(displacement_mm=-1),
        lambda: Elastic(node_spacing_mm=0),
        lambda: Elastic(order=0),
        lambda: Crop(rows=0),
        lambda: Flip(left_right=1.5),
        lambda: Bias(sigma=-0.1),
        lambda: Bias(sigma=float("nan")),
        lambda: Bias(sigma=(0, 1, 2)),
        lambda: Blur(sigma_mm=-1),
        lambda: CoilFallOff(share=2),
        lambda: CoilFallOff(depth_mm=0),
        lambda: Gamma(exponent=0),
        lambda: Gamma(exponent=None),
        lambda: RandomCurve(strength=2),
        lambda: RandomCurve(knots=1),
        lambda: RandomShallowConvolution(share=-1),
        lambda: RandomShallowConvolution(layers=0),
        lambda: PerLabelRedistribution(shift=2),
        lambda: PerLabelRedistribution(spread=-1),
        lambda: PerLabelRedistribution(clusters=0),
        lambda: PerLabelRedistribution(groups=((20, 21), (21, 22))),
        lambda: PerLabelRedistribution(groups=((0, 1),)),
        lambda: RandomMixture(clusters_inside=0),
        lambda: RandomMixture(deviation=-1),
        lambda: RicianNoise(sigma=-1),
        lambda: RicianNoise(sigma=float("inf")),
        lambda: Gibbs(kept=0),
        lambda: Ghosting(strength=2),
        lambda: Ghosting(copies=(1, 3)),
        lambda: Ghosting(phase_axis="slices"),
        lambda: Motion(moves=(0, 1)),
        lambda: Motion(shift_mm=-1),
        lambda: Motion(phase_axis="depth"),
        lambda: LowResolution(factor=0.5),
        lambda: Anisotropy(factor=(2, 100)),
        lambda: Maybe(1.5, MinMax()),
        lambda: OneOf(()),
        lambda: OneOf((MinMax(), Gamma()), (1.0,)),
        lambda: OneOf((MinMax(),), (-1.0,)),
        lambda: OneOf((MinMax(),), (0.0,)),
        lambda: Sample(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.uint8), (1, 1, 1)),
        lambda: Sample(np.zeros((0, 3, 3), np.float32), np.zeros((0, 3, 3), np.uint8), (1, 1, 1)),
        lambda: Sample(np.zeros((1, 2, 3), np.float32), np.zeros((1, 3, 2), np.uint8), (1, 1, 1)),
        lambda: Sample(np.zeros((1, 2, 3)), np.zeros((1, 2, 3), np.uint8), (1, 1, 1)),
        lambda: Sample(np.zeros((1, 2, 3), np.float32), np.zeros((1, 2, 3), np.uint8), (1, 0, 1)),
        lambda: Sample(np.zeros((1, 2, 3), np.float32), np.zeros((1, 2, 3), np.uint8), (1, 1)),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(make):
    with pytest.raises(InputError) as refused:
        make()
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


def test_range_is_drawn_within_its_ends_and_uniformly(rng):
    flat = Sample(np.full((1, 2, 2), 0.5, np.float32), np.zeros((1, 2, 2), np.uint8), (1, 1, 1))
    exponents = [-np.log2(Gamma(exponent=(0.5, 2.0))(flat, rng).image[0, 0, 0]) for _ in range(400)]
    assert min(exponents) >= 0.5 - 1e-5 and max(exponents) <= 2 + 1e-5
    assert np.mean(np.log2(exponents)) == pytest.approx(0, abs=0.1)


def test_list_as_it_comes_from_a_settings_file_is_a_range(rng):
    assert Gamma(exponent=[1, 1])(sample_of(), rng).image.max() == pytest.approx(sample_of().image.max())


def test_compose_keeps_the_order():
    crop_then_flip = Compose((Crop(columns=10, centred=True), Flip(0, 1, 0)))
    result = crop_then_flip(sample_of(), np.random.default_rng(0))
    np.testing.assert_array_equal(result.image, sample_of().image[:, :, 13:23][:, :, ::-1])


def test_maybe_happens_as_often_as_told(rng):
    sample = sample_of()
    happened = [Maybe(0.3, Gamma(2))(sample, rng) is not sample for _ in range(1000)]
    assert np.mean(happened) == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(("weights", "share"), [((), 0.5), ((3, 1), 0.75), ((0, 1), 0.0)])
def test_one_of_follows_its_weights(weights, share, rng):
    sample = sample_of()
    first = OneOf((Crop(rows=5), Crop(rows=7)), weights)
    assert np.mean([first(sample, rng).shape[1] == 5 for _ in range(1000)]) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("slices", [1, 4])
def test_presets_end_within_the_grey_scale(slices, rng):
    for chain in (training_augmentation(), synthmri_augmentation(), synthseg_augmentation()):
        for _ in range(10):
            result = chain(sample_of(slices), rng)
            assert result.image.min() >= 0 and result.image.max() <= 1 + 1e-6
            assert result.shape == (slices, 40, 36)


def kinds(chain):
    return [type(step) for step in chain.steps]


def test_published_chains_have_the_published_order():
    shape, appearance = [Affine, Crop, Elastic], [Bias, MinMax, Gamma, Blur, LowResolution, Flip]
    assert kinds(synthmri_augmentation((32, 80, 80))) == shape + appearance
    assert kinds(synthseg_augmentation((32, 80, 80))) == [*shape, RandomMixture, *appearance]
    flips = synthmri_augmentation().steps[-1]
    assert (flips.left_right, flips.antero_posterior, flips.head_foot) == (0.5, 0.5, 0.0)


def test_published_patch_comes_out_of_a_volume(rng):
    result = synthseg_augmentation(augmentation.PAPER_PATCH)(sample_of(3), rng)
    assert result.shape == (32, 80, 80)


def test_training_recipe_has_its_probabilities():
    chances = {type(s.step): s.p for s in training_augmentation().steps if isinstance(s, Maybe)}
    assert (chances[PerLabelRedistribution], chances[RandomShallowConvolution], chances[OneOf]) == (0.45, 0.30, 0.25)
    (affine,) = (s.step.affine for s in training_augmentation().steps if isinstance(getattr(s, "step", None), AffineElastic))
    assert affine.rotation_deg == (-12, 12) and affine.scale == (0.6, 1.25)
    assert {Bias, CoilFallOff, Blur, LowResolution, RicianNoise, Gamma} <= set(chances)


def test_parameters_are_values():
    assert Gamma(2) == Gamma(2) and hash(training_augmentation()) == hash(training_augmentation())
    with pytest.raises(AttributeError):
        Gamma(2).exponent = 3


def test_names_load_when_used_and_nothing_else():
    program = (
        "import sys, spinemr.synthesis.augmentation as a\n"
        "assert 'numpy' not in sys.modules and 'scipy' not in sys.modules\n"
        "assert all(getattr(a, n) is not None for n in a.__all__) and set(a.__all__) <= set(dir(a))\n"
        "assert not {'torch', 'SimpleITK', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="Gama"):
        _ = augmentation.Gama

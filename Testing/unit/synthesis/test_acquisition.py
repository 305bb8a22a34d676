from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinemr.synthesis.acquisition import acquire, ideal_image, over_slices, reference_signal
from spinemr.synthesis.scanners import SCANNERS, Coil, Output, PointSpread, Scanner, scanner, scanner_for
from spinemr.synthesis.tissues import TISSUES

PERFECT = {
    "point_spread": PointSpread(1.0, 0.0, 0.0),
    "coil": Coil(1e9, 0.0, 0.0, 0.0),
    "output": Output(32767, 1.0, 0.5),
    "presaturation": 0.0,
    "csf_flow": 0.0,
    "snr": 1e6,
}
SPINE = ("air", "subcutaneous_fat", "muscle", "abdominal_fat", "marrow", "disc_nucleus_II", "annulus", "csf", "cord")


def perfect(weighting: str, **changes: object) -> Scanner:
    """A scanner without coil, filter or noise, and with so wide a bandwidth that fat stays where it is."""
    chosen = scanner_for(weighting)
    quiet = replace(chosen.protocol, bandwidth_hz=1e6)
    return replace(chosen, protocol=quiet, **{**PERFECT, **changes})


def strip_means(image: np.ndarray, names: tuple[str, ...], width: int = 16) -> dict[str, float]:
    """Mean of the inner half of each strip."""
    starts = [index * width for index in range(len(names))]
    return {n: float(image[0, 8:-8, s + width // 4 : s + 3 * width // 4].mean()) for n, s in zip(names, starts, strict=True)}


@pytest.mark.parametrize("name", list(SCANNERS))
def test_the_same_seed_gives_the_same_whole_numbers_in_range(name, strip_map):
    chosen, anatomy = SCANNERS[name], strip_map(*SPINE, sub_slices=3, labels={"marrow": 23})
    image = acquire(anatomy, chosen, np.random.default_rng(4))
    assert image.shape == (1, 64, 144) and image.dtype == np.float32
    np.testing.assert_array_equal(image, np.rint(image))
    assert image.min() >= 0 and 0.3 * chosen.output.maximum * chosen.output.fill < image.max() <= chosen.output.maximum
    np.testing.assert_array_equal(image, acquire(anatomy, chosen, np.random.default_rng(4)))
    assert np.any(image != acquire(anatomy, chosen, np.random.default_rng(5)))


def test_acquiring_leaves_the_anatomy_untouched(strip_map):
    anatomy = strip_map(*SPINE)
    before = {name: getattr(anatomy, name).copy() for name in ("under", "over", "mix", "texture", "labels")}
    acquire(anatomy, scanner("cedar-1.5t-t2"), np.random.default_rng(0))
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(anatomy, name), values)


def test_real_scanners_show_the_contrast_of_their_weighting(strip_map):
    anatomy = strip_map(*SPINE)
    t1, t2, stir = (
        strip_means(acquire(anatomy, replace(scanner_for(w), presaturation=0), np.random.default_rng(1)), SPINE)
        for w in ("t1", "t2", "stir")
    )
    assert t1["abdominal_fat"] > t1["muscle"] and t1["marrow"] > 1.5 * t1["disc_nucleus_II"] > 1.5 * t1["csf"]
    assert t2["csf"] > 1.5 * t2["disc_nucleus_II"] and t2["disc_nucleus_II"] > 4 * t2["annulus"] and t2["csf"] > 2 * t2["cord"]
    assert stir["csf"] > 5 * stir["abdominal_fat"] and stir["disc_nucleus_II"] > stir["marrow"]
    assert max(t1["air"], t2["air"], stir["air"]) < 0.15 * t2["csf"]


def test_a_perfect_scanner_stores_signals_in_proportion(strip_map):
    names = ("muscle", "marrow", "cord")
    anatomy = strip_map(*names)
    stored = strip_means(acquire(anatomy, perfect("t1"), np.random.default_rng(0)), names)
    truth = strip_means(ideal_image(anatomy, perfect("t1")), names)
    for name in ("muscle", "cord"):
        assert stored[name] / stored["marrow"] == pytest.approx(truth[name] / truth["marrow"], rel=1e-3)


def test_sub_slices_are_averaged_with_more_weight_in_the_middle():
    stack = np.zeros((3, 2, 2), dtype=np.float32)
    stack[1] = 1
    middle = over_slices(stack, 3)
    assert middle.shape == (1, 2, 2) and 1 / 3 < middle[0, 0, 0] < 0.6
    np.testing.assert_allclose(over_slices(np.ones((6, 2, 2), dtype=np.float32), 3), 1, rtol=1e-6)
    assert over_slices(stack, 1) is stack


def test_partial_volume_lies_between_its_two_tissues(strip_map):
    anatomy = strip_map("marrow", "csf", rows=32)
    half = replace(
        anatomy, under=np.zeros_like(anatomy.under), over=np.ones_like(anatomy.over), mix=np.full_like(anatomy.mix, 0.25)
    )
    pure = strip_means(ideal_image(anatomy, perfect("t2")), ("marrow", "csf"))
    mixed = ideal_image(half, perfect("t2"))
    np.testing.assert_allclose(mixed, 0.75 * pure["marrow"] + 0.25 * pure["csf"], rtol=1e-5)


def test_noise_is_rician_and_as_strong_as_the_scanner_says(strip_map):
    chosen = perfect("t1", snr=20.0)
    names = ("air", "muscle", "marrow")
    anatomy = strip_map(*names, width=64, rows=128)
    image = acquire(anatomy, chosen, np.random.default_rng(2))[0]
    air, marrow = image[:, :60], image[:, 132:188]
    gain = marrow.mean() / ideal_image(anatomy, chosen)[0, 0, -1]
    sigma = reference_signal(chosen) / 20 * gain
    assert marrow.std() == pytest.approx(sigma, rel=0.05)
    assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.05)


def test_reference_signal_is_the_mean_of_common_tissues():
    chosen = perfect("t1")
    protocol = chosen.protocol
    cord = TISSUES["cord"].proton_density * (1 - np.exp(-protocol.tr_ms / 780)) * np.exp(-protocol.te_ms / 102)
    assert 0.8 * cord < reference_signal(chosen) < 3 * cord


def test_fat_is_misplaced_along_the_frequency_axis(strip_map):
    chosen = perfect("t1")
    shifted = replace(chosen, protocol=replace(chosen.protocol, bandwidth_hz=217.14 / 3, frequency_axis=2))
    image = ideal_image(strip_map("muscle", "subcutaneous_fat", "muscle"), shifted)[0, 0]
    straight = ideal_image(strip_map("muscle", "subcutaneous_fat", "muscle"), chosen)[0, 0]
    assert image[24] == pytest.approx(straight[24], rel=0.02)
    assert np.all(image[16:19] < 0.2 * straight[24])
    assert np.all(image[32:35] > 1.2 * straight[24])
    across = replace(shifted, protocol=replace(shifted.protocol, frequency_axis=1))
    np.testing.assert_allclose(ideal_image(strip_map("muscle", "subcutaneous_fat", "muscle"), across)[0, 0], straight, rtol=1e-5)


def test_the_saturation_band_darkens_what_lies_in_front_of_the_spine(strip_map):
    names = ("muscle",) * 6 + ("marrow",) + ("muscle",) * 2
    anatomy = strip_map(*names, labels={"marrow": 23})
    plain = acquire(anatomy, perfect("t1"), np.random.default_rng(0))
    banded = acquire(anatomy, perfect("t1", presaturation=0.9), np.random.default_rng(0))
    assert banded[0, :, :24].mean() == pytest.approx(0.1 * plain[0, :, :24].mean(), rel=0.02)
    np.testing.assert_allclose(banded[..., 96:], plain[..., 96:], rtol=1e-3)


def test_without_labels_the_band_lies_in_the_front_of_the_view(strip_map):
    image = acquire(strip_map(*("muscle",) * 9), perfect("t1", presaturation=0.9), np.random.default_rng(0))
    assert image[0, :, :16].mean() < 0.2 * image[0, :, -32:].mean()


def test_an_uncorrected_coil_darkens_the_front_and_correction_undoes_it(strip_map):
    anatomy = strip_map(*("muscle",) * 12)
    ratio = {}
    for corrected in (0.0, 0.5, 1.0):
        image = acquire(anatomy, perfect("t1", coil=Coil(60, corrected, 0.0, 0.0)), np.random.default_rng(0))
        ratio[corrected] = image[0, :, :16].mean() / image[0, :, -16:].mean()
    assert ratio[0.0] < 0.4 < ratio[0.5] < 0.8
    assert ratio[1.0] == pytest.approx(1, abs=0.01)


def test_correcting_the_coil_raises_the_noise_in_front(strip_map):
    chosen = perfect("t1", coil=Coil(40, 1.0, 0.0, 0.0), snr=20.0)
    image = acquire(strip_map(*("muscle",) * 12), chosen, np.random.default_rng(0))[0]
    assert image[:, :16].std() > 3 * image[:, -16:].std()


def test_pulsation_darkens_csf_and_nothing_else(strip_map):
    anatomy = strip_map("marrow", "csf", "marrow", slices=3, rows=96)
    still = acquire(anatomy, perfect("t2"), np.random.default_rng(0))
    flowing = acquire(anatomy, perfect("t2", csf_flow=0.5), np.random.default_rng(0))
    still, flowing = (image / image[0, 0, 4] for image in (still, flowing))
    np.testing.assert_allclose(flowing[..., :16], still[..., :16], rtol=2e-3)
    fluid = flowing[..., 16:32] / still[..., 16:32]
    assert fluid.min() < 0.85 and fluid.max() <= 1.01 and np.median(fluid) > 0.85
    assert np.any(acquire(strip_map("marrow"), perfect("t2", csf_flow=0.5), np.random.default_rng(0)))


def test_gain_curve_and_range_are_the_scanners(strip_map):
    anatomy = strip_map("muscle", "marrow")
    linear = acquire(anatomy, perfect("t1"), np.random.default_rng(0))[0, 0]
    curved = acquire(anatomy, perfect("t1", output=Output(255, 2.0, 0.6)), np.random.default_rng(0))[0, 0]
    assert curved[24] == pytest.approx(0.6 * 255, abs=1)
    assert curved[8] / curved[24] == pytest.approx((linear[8] / linear[24]) ** 2, abs=0.01)


def test_one_anatomy_on_two_scanners_gives_two_images_of_one_truth(strip_map):
    anatomy = strip_map(*SPINE, labels={"marrow": 23})
    first, second = (acquire(anatomy, scanner(name), np.random.default_rng(0)) for name in ("alder-1.5t-t2", "cedar-1.5t-t2"))
    assert second.max() > 2 * first.max()
    assert np.corrcoef(first[..., 48:].ravel(), second[..., 48:].ravel())[0, 1] > 0.9


def test_an_empty_view_gives_an_image_of_noise(strip_map):
    image = acquire(strip_map("air", "metal"), scanner("cedar-1.5t-t1"), np.random.default_rng(0))
    assert np.isfinite(image).all() and image.max() > 0


@pytest.mark.parametrize("name", list(SCANNERS))
def test_views_of_a_few_pixels_are_imaged_too(name, strip_map):
    for width, rows in ((1, 1), (5, 1), (1, 4)):
        image = acquire(strip_map("subcutaneous_fat", width=width, rows=rows), SCANNERS[name], np.random.default_rng(0))
        assert image.shape == (1, rows, width) and np.isfinite(image).all()

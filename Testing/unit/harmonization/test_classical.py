"""Methods that map intensities by a curve: what they promise, on numbers worked out by hand and on drawn studies."""

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.body import back_fat_mask, body_mask, tissue
from spinemr.harmonization.classical.histogram_match import HistogramMatch
from spinemr.harmonization.classical.nyul import Nyul, fit_nyul, piecewise
from spinemr.harmonization.classical.white_stripe import LEVELS, SCALE, WhiteStripe, find_stripe, modes
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.synthesis.study import draw_pair, draw_study


@pytest.fixture(scope="module")
def study():
    return draw_study(31, scanner="birch-3t-t2")


@pytest.fixture(scope="module")
def pair():
    """The same anatomy under two scanners."""
    return tuple(study.image for study in draw_pair(32, ("birch-3t-t2", "alder-1.5t-t2")))


def values(image):
    return sitk.GetArrayFromImage(image).astype(float)


def mask_of(image):
    """The patient, on the array of the image itself."""
    frame = WorkingFrame.of(image)
    mask = body_mask(frame.forward_array(sitk.GetArrayFromImage(image)))
    return sitk.GetArrayFromImage(frame.back_from_array(mask)).astype(bool)


def scaled(image, factor, offset=0.0):
    made = sitk.GetImageFromArray(values(image) * factor + offset)
    made.CopyInformation(image)
    return made


def test_z_scores_have_the_stated_mean_and_deviation_in_tissue(study):
    result = ZScore().transform(study.image)
    inside = tissue(study.image)
    expected = 127.5 + 42.5 * (values(study.image) - inside.mean()) / inside.std()
    assert np.allclose(values(result), expected, atol=1e-3)
    assert result.GetSpacing() == study.image.GetSpacing() and result.GetDirection() == study.image.GetDirection()


@pytest.mark.parametrize("method", [ZScore(), WhiteStripe("fat"), WhiteStripe("muscle")])
def test_gain_does_not_matter(study, method):
    one = values(method.transform(study.image))
    assert np.allclose(one, values(method.transform(scaled(study.image, 3.7))), atol=0.05)


def test_the_fat_stripe_lies_at_its_level_with_its_deviation(study):
    stripe = find_stripe(study.image, "fat")
    result = values(WhiteStripe("fat").transform(study.image))
    at_peak = np.abs(values(study.image) - stripe.peak) < 0.5
    assert np.allclose(result[at_peak], LEVELS["fat"], atol=SCALE * 0.6 / stripe.deviation)


def test_fat_is_chosen_where_it_shines_and_muscle_where_it_is_suppressed():
    bright = draw_study(9001, scanner="alder-1.5t-t2").image
    assert find_stripe(bright).tissue == "fat"
    cut = sitk.Clamp(bright, upperBound=float(np.percentile(values(bright), 98)))
    assert find_stripe(cut).tissue == "muscle"  # its fat has no peak left
    assert find_stripe(cut, "fat").tissue == "fat"
    assert find_stripe(draw_study(9011, scanner="cedar-3t-stir").image).tissue == "muscle"


def test_the_band_below_the_skin_is_fat(study):
    frame = WorkingFrame.of(study.image)
    working = frame.forward_array(sitk.GetArrayFromImage(study.image))
    mask = body_mask(working)
    band = back_fat_mask(mask, frame.working_grid.spacing_mm[0])
    assert band.any() and not (band & ~mask).any()
    assert np.median(working[band]) > 1.3 * np.median(working[mask])


def test_modes_are_found_where_they_are():
    rng = np.random.default_rng(0)
    found = modes(np.concatenate([rng.normal(100, 5, 6000), rng.normal(200, 5, 3000)]))
    assert len(found) == 2
    assert [position for position, _ in found] == pytest.approx([100, 200], abs=2)


def test_piecewise_by_hand():
    x = np.array([-1.0, 0.0, 5.0, 10.0, 20.0, 25.0])
    mapped = piecewise(x, np.array([0.0, 10.0, 20.0]), np.array([0.0, 100.0, 120.0]))
    assert mapped.tolist() == [-10.0, 0.0, 50.0, 100.0, 120.0, 130.0]


def test_nyul_brings_the_percentiles_of_every_image_to_the_landmarks(pair):
    method = fit_nyul(pair)
    assert method.landmarks[0] == pytest.approx(5) and method.landmarks[-1] == pytest.approx(220)
    for image in pair:
        result = method.transform(image)
        inside = values(result)[mask_of(image)]
        assert np.percentile(inside, method.percentiles) == pytest.approx(method.landmarks, abs=1.0)
        assert values(result).min() >= 0 and values(result).max() <= 255


def test_nyul_of_itself_is_the_identity(study):
    method = fit_nyul([study.image], scale=tuple(np.percentile(tissue(study.image), (1, 99))))
    result = Nyul(method.landmarks, method.percentiles, (-1e9, 1e9), 1).transform(study.image)
    assert np.allclose(values(result), values(study.image), atol=0.05)


def test_histogram_match_gives_the_references_quantiles(pair):
    result = HistogramMatch.fit(pair[1]).transform(pair[0])
    shares = (10, 25, 50, 75, 90)
    found, wanted = np.percentile(values(result)[mask_of(pair[0])], shares), np.percentile(tissue(pair[1]), shares)
    assert found == pytest.approx(wanted, rel=0.02, abs=2)


@pytest.mark.parametrize("method", [ZScore(), WhiteStripe("fat"), Nyul((0.0, 1.0), (1.0, 99.0)), HistogramMatch((0.0, 1.0))])
def test_what_is_written_is_read_back(method):
    assert type(method).from_dict(method.as_dict()) == method


def test_a_constant_image_is_refused():
    image = sitk.GetImageFromArray(np.full((3, 32, 32), 7.0, np.float32))
    for method in (ZScore(), WhiteStripe(), Nyul((0.0, 1.0), (1.0, 99.0)), HistogramMatch((0.0, 1.0))):
        with pytest.raises(InputError):
            method.transform(image)


def test_scales_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="rise"):
        Nyul((1.0, 1.0), (1.0, 99.0))
    with pytest.raises(InputError, match="landmark for each"):
        Nyul((1.0, 2.0), (1.0, 50.0, 99.0))
    with pytest.raises(InputError, match="no reference tissue"):
        WhiteStripe("brain")
    with pytest.raises(InputError, match="no image"):
        fit_nyul([])

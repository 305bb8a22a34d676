import importlib
import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.radiomics.filters.bank import FILTERS, derived_images
from spinemr.radiomics.filters.wavelet import circular, decompose
from spinemr.radiomics.filters.wavelet_filters import decomposition_filters
from spinemr.radiomics.settings import Settings

OFFERED = ["haar", *(f"db{n}" for n in range(1, 21)), *(f"sym{n}" for n in range(2, 21)), *(f"coif{n}" for n in range(1, 5))]
COIF1 = [-0.0156557281, -0.0727326195, 0.3848648469, 0.8525720202, 0.3378976625, -0.0727326195]
SYM4 = [-0.0757657148, -0.0296355276, 0.4976186676, 0.8037387518, 0.2978577956, -0.0992195436, -0.0126039673, 0.0322231006]
COIF2_LARGEST = 0.8127236354
SPACING_MM = (0.8, 0.9, 2.5)


def as_image(values, spacing_mm=SPACING_MM):
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing_mm[: values.ndim])
    image.SetOrigin((3.0, -5.0, 7.0)[: values.ndim])
    return image


def derived(values, types, **settings):
    image = as_image(values)
    images = dict(derived_images(image, image, Settings(image_types=types, **settings)))
    for each in images.values():
        assert each.GetSize() == image.GetSize()
        assert each.GetSpacing() == image.GetSpacing() and each.GetOrigin() == image.GetOrigin()
    return {name: sitk.GetArrayFromImage(each) for name, each in images.items()}


@pytest.fixture
def values(rng):
    return rng.normal(100, 60, size=(6, 7, 8))


def test_all_filters_by_name_and_order(values):
    types = {name: {"sigma": [1, 2.5]} if name == "LoG" else {} for name in FILTERS}
    bands = [f"wavelet-{band}" for band in ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")]
    expected = ["original", "log-sigma-1-mm-3D", "log-sigma-2-5-mm-3D", *bands, "gradient"]
    assert list(derived(values, types)) == [*expected, "square", "squareroot", "logarithm", "exponential"]


def test_pointwise_functions_keep_the_largest_magnitude():
    values = np.array([[[-100.0, -4.0, 0.0, 25.0, 50.0]]])
    found = derived(values, {"Square": {}, "SquareRoot": {}, "Logarithm": {}, "Exponential": {}})
    assert found["square"].ravel() == pytest.approx([100, 0.16, 0, 6.25, 25])
    assert found["squareroot"].ravel() == pytest.approx([-100, -20, 0, 50, np.sqrt(5000)])
    logs = np.array([-np.log(101), -np.log(5), 0, np.log(26), np.log(51)])
    assert found["logarithm"].ravel() == pytest.approx(logs * 100 / np.log(101))
    assert found["exponential"].ravel() == pytest.approx([0.01, 100**-0.04, 1, 100**0.25, 10])


@pytest.mark.parametrize("name", ["Square", "SquareRoot", "Logarithm", "Exponential"])
def test_an_image_of_zeros_stays_one(name):
    (found,) = derived(np.zeros((2, 3, 4), dtype=np.int16), {name: {}}).values()
    assert not found.any()


def test_the_gradient_of_a_ramp_is_its_slope():
    ramp = np.broadcast_to(3.0 * np.arange(9), (5, 6, 9)).copy()
    assert derived(ramp, {"Gradient": {}})["gradient"][2, 3, 1:-1] == pytest.approx(3 / SPACING_MM[0])
    assert derived(ramp, {"Gradient": {"gradientUseSpacing": False}})["gradient"][2, 3, 1:-1] == pytest.approx(3)


def test_the_laplacian_of_a_gaussian_blob():
    sigma, blob, size = 2.0, 3.0, 41
    grid = np.mgrid[:size, :size, :size] - size // 2
    image = as_image(np.exp(-np.sum(grid**2, axis=0) / (2 * blob**2)), (1.0, 1.0, 1.0))
    ((_, laplacian),) = derived_images(image, image, Settings(image_types={"LoG": {"sigma": [sigma]}}))
    found = sitk.GetArrayFromImage(laplacian)
    widened = blob**2 + sigma**2
    centre = -3 * sigma**2 / widened * (blob**2 / widened) ** 1.5
    assert found[size // 2, size // 2, size // 2] == pytest.approx(centre, rel=0.01)
    assert np.abs(found[0]).max() < 1e-3


def test_sigmas_that_do_not_fit_are_left_out(values):
    with pytest.warns(ImagingWarning, match="too small for a Laplacian of Gaussian of 5.5 mm"):  # 7 voxels of 0.9 mm along y
        assert list(derived(values, {"LoG": {"sigma": [5.5, 5.3]}})) == ["log-sigma-5-3-mm-3D"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(derived(values, {"LoG": {"sigma": (5.3, 0.01)}})) == ["log-sigma-5-3-mm-3D", "log-sigma-0-01-mm-3D"]
    with pytest.warns(ImagingWarning, match="fewer than 4 voxels"):
        assert derived(values[:3], {"LoG": {"sigma": [1]}}) == {}
    with pytest.warns(ImagingWarning, match="No sigma"):
        assert derived(values, {"LoG": {}}) == {}


@pytest.mark.parametrize("sigma", [0, -1.0, "two", float("nan"), float("inf"), True])
def test_impossible_sigmas_are_refused(values, sigma):
    with pytest.raises(InputError, match="number of mm above 0"):
        derived(values, {"LoG": {"sigma": [1.0, sigma]}})


@pytest.mark.parametrize("name", OFFERED)
def test_filters_are_orthonormal(name):
    low, high = decomposition_filters(name)
    assert low.sum() == pytest.approx(np.sqrt(2))
    assert high.sum() == pytest.approx(0, abs=1e-9)
    for shift in range(0, len(low), 2):
        assert low[shift:] @ low[: len(low) - shift] == pytest.approx(float(shift == 0), abs=1e-9)
        assert high[shift:] @ high[: len(low) - shift] == pytest.approx(float(shift == 0), abs=1e-9)
        assert low[shift:] @ high[: len(low) - shift] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "moments"), [("haar", 1), ("db2", 2), ("db7", 7), ("sym6", 6), ("coif1", 2), ("coif3", 6)])
def test_the_high_pass_takes_no_notice_of_polynomials(name, moments):
    _, high = decomposition_filters(name)
    places = np.arange(len(high)) / len(high)
    assert [high @ places**power for power in range(moments)] == pytest.approx([0] * moments, abs=1e-9)
    assert abs(high @ places**moments) > 1e-6


def test_published_coefficients():
    assert decomposition_filters("haar")[0] == pytest.approx([np.sqrt(0.5)] * 2)
    assert decomposition_filters("coif1")[0] == pytest.approx(COIF1, abs=1e-9)
    assert decomposition_filters("sym4")[0] == pytest.approx(SYM4, abs=1e-9)
    assert decomposition_filters("coif2")[0].max() == pytest.approx(COIF2_LARGEST, abs=1e-9)
    root = np.sqrt(3)
    daubechies = np.array([1 - root, 3 - root, 3 + root, 1 + root]) / (4 * np.sqrt(2))
    assert decomposition_filters("db2")[0] == pytest.approx(daubechies)


def test_haar_bands_are_sums_and_differences_of_neighbours(values):
    found = derived(values[:, :6], {"Wavelet": {"wavelet": "haar"}})
    following = np.roll(values[:, :6], -1, axis=2)
    along_x = {"L": values[:, :6] + following, "H": following - values[:, :6]}
    for name, band in found.items():
        expected = along_x[name[-3]]
        for axis, letter in ((1, name[-2]), (0, name[-1])):
            after = np.roll(expected, -1, axis=axis)
            expected = after + expected if letter == "L" else after - expected
        assert np.abs(band) == pytest.approx(np.abs(expected) / np.sqrt(8))


def test_circular_filtering_is_a_circulant_matrix(rng):
    coefficients, signal = rng.normal(size=6), rng.normal(size=(3, 10, 2))
    expected = np.zeros_like(signal)
    for place in range(10):
        for index, coefficient in enumerate(coefficients):
            expected[:, place] += coefficient * signal[:, (place + 3 - index) % 10]
    assert circular(signal, coefficients, 1) == pytest.approx(expected)
    assert circular(signal[0, :, 0], coefficients, 0) == pytest.approx(expected[0, :, 0])
    assert circular(signal.astype(np.float32), coefficients.astype(np.float32), 1).dtype == np.float32


def test_the_transform_keeps_energy(rng):
    values = rng.normal(size=(4, 6, 10))
    bands = dict(decompose(values, (2, 1, 0), decomposition_filters("db3")))
    assert sum(np.sum(band**2) for band in bands.values()) == pytest.approx(8 * np.sum(values**2))


def test_a_constant_has_only_an_approximation():
    found = derived(np.full((5, 6, 7), 40.0), {"Wavelet": {}})
    assert found.pop("wavelet-LLL") == pytest.approx(40 * np.sqrt(8))
    assert len(found) == 7 and all(np.abs(band).max() < 1e-12 for band in found.values())


def test_levels_filter_the_last_approximation_again(values):
    found = derived(values[:, :6], {"Wavelet": {"wavelet": "db2", "level": 2}})
    again = derived(derived(values[:, :6], {"Wavelet": {"wavelet": "db2"}})["wavelet-LLL"], {"Wavelet": {"wavelet": "db2"}})
    assert [name for name in found if name.startswith("wavelet2")] == [name.replace("-", "2-") for name in again]
    assert found["wavelet2-HLH"] == pytest.approx(again["wavelet-HLH"])
    assert found["wavelet2-LLL"] == pytest.approx(again["wavelet-LLL"])
    assert "wavelet-LLL" not in found
    later = derived(values[:, :6], {"Wavelet": {"wavelet": "db2", "start_level": 1}})
    assert later["wavelet-HLH"] == pytest.approx(again["wavelet-HLH"])
    assert list(later) == list(again)


def test_odd_axes_get_their_first_voxel_once_more(values):
    longer = np.concatenate([values, values[:, :1]], axis=1)
    found, expected = (derived(each, {"Wavelet": {}}) for each in (values, longer))
    for name, band in found.items():
        assert band == pytest.approx(expected[name][:, :7])


def test_slice_by_slice_the_transform_has_two_letters(values):
    found = derived(values, {"Wavelet": {}}, force_2d=True)
    assert list(found) == ["wavelet-LH", "wavelet-HL", "wavelet-HH", "wavelet-LL"]
    alone = derived(values[2:3], {"Wavelet": {}}, force_2d=True)
    assert found["wavelet-HL"][2] == pytest.approx(alone["wavelet-HL"][0])
    own = derived(values, {"Wavelet": {"force2D": False}}, force_2d=True)
    assert "wavelet-LLL" in own
    with pytest.raises(InputError, match="force2Ddimension is one of 0, 1, 2, not 4"):
        derived(values, {"Wavelet": {}}, force_2d=True, force_2d_dimension=4)


def test_a_flat_image_may_have_two_axes_only(values):
    found = derived(values[0], {"Wavelet": {}, "Gradient": {}, "Square": {}})
    assert list(found) == ["wavelet-LH", "wavelet-HL", "wavelet-HH", "wavelet-LL", "gradient", "square"]


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1.5}, {"level": True}, {"start_level": -1}])
def test_impossible_levels_are_refused(values, options):
    with pytest.raises(InputError, match="whole number of at least"):
        derived(values, {"Wavelet": options})


@pytest.mark.parametrize("name", ["nonsense", "db0", "db21x", "sym1"])
def test_unknown_wavelets_are_refused(name):
    with pytest.raises(InputError, match=f"There is no wavelet {name}"):
        decomposition_filters(name)


def test_without_pywavelets_the_message_says_what_it_would_bring(monkeypatch):
    real = importlib.import_module

    def without(name, *rest):
        if name == "pywt":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(InputError, match="install PyWavelets"):
        decomposition_filters("bior3.1")
    assert len(decomposition_filters("coif4")[0]) == 24


@pytest.mark.parametrize(("name", "message"), [("LBP2D", "not offered"), ("LBP3D", "engine pyradiomics"), ("Sobel", "Known are")])
def test_filters_that_are_not_offered_are_refused_before_any_is_run(values, name, message):
    image = as_image(values)
    with pytest.raises(InputError, match=message):
        next(derived_images(image, image, Settings(image_types={"Original": {}, name: {}})))


def test_integers_become_decimals_and_single_precision_stays(values):
    types = {"Wavelet": {}, "Square": {}}
    assert {band.dtype for band in derived(values.astype(np.int16), types).values()} == {np.dtype(np.float64)}
    found = derived(values.astype(np.float32), types)
    assert found["wavelet-LLL"].dtype == np.float32 and found["square"].dtype == np.float64

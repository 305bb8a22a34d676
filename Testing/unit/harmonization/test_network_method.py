"""Networks as methods: what comes back, on which grid, from which images, and which slices the net catches."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parent))
from network_files import SAGITTAL, identity, inverted, moved, study, weighed, write_model

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.harmonize import harmonize
from spinemr.harmonization.inference.network_method import NetworkMethod, open_reference
from spinemr.harmonization.inference.reference import references_in
from spinemr.harmonization.inference.safety import Limits, SliceCheck, check, default_limits
from spinemr.harmonization.registry import read_method, write_method
from spinemr.imaging.errors import Cancelled, GeometryError, ImagingWarning, InputError
from spinemr.imaging.files import read_image
from spinemr.imaging.geometry import same_grid
from spinemr.imaging.intensity import stretch
from spinemr.radiomics.verdict.limits import default_limits as verdict_limits


@pytest.fixture
def opened(tmp_path):
    """Opens a network of a few bytes as a method."""

    def open_network(network, number=0, **options):
        card = write_model(tmp_path / "models", "tiny", network, **options)
        return open_reference(references_in(card)[number], "cpu")

    return open_network


class Spy:
    """A runtime that leaves images as they are and remembers what it was shown."""

    device = "cpu"

    def __init__(self, change=lambda images: images[:, images.shape[1] // 2]):
        self.shown, self._change = [], change

    def __call__(self, images):
        self.shown.append(images.copy())
        return self._change(images)


def spied(opened, spy, **options):
    method = opened(identity(), **options)
    return NetworkMethod(method.reference, spy, method.sha256, method.limits)


def array(image):
    return sitk.GetArrayFromImage(image)


def plain(image):
    """The image on 0 to 255 by its percentiles."""
    return stretch(array(image), 0.5, 99.5, 255.0)


DIRECTIONS = {
    "sagittal": SAGITTAL,
    "axial": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "coronal": (1, 0, 0, 0, 0, 1, 0, -1, 0),
    "mirrored": (0, 0, -1, -1, 0, 0, 0, 1, 0),
    "oblique": (0.0, 0.1961161351, 0.9805806757, 1, 0, 0, 0, -0.9805806757, 0.1961161351),
}


def test_a_network_of_a_scale_sees_and_gives_images_on_it(opened):
    image, wanted = study(), array(shipped_scale("t1").transform(study()))
    spy = Spy()
    method = spied(opened, spy, scale="t1")
    np.testing.assert_allclose(array(method.transform(image)), wanted, atol=1e-3)
    assert "on the T1 scale" in method.units
    seen = np.concatenate(spy.shown)
    assert seen.min() >= 0 and np.percentile(seen, 99.9) == pytest.approx(np.percentile(wanted, 99.9) / 255, rel=0.05)
    brighter = sitk.Cast(image, sitk.sitkFloat32) * 3 + 50
    np.testing.assert_allclose(array(method.transform(brighter)), wanted, atol=0.1)


@pytest.mark.parametrize("plane", DIRECTIONS)
def test_a_network_that_changes_nothing_passes_an_image_of_any_orientation(opened, plane):
    image = study(slices=60, spacing=(1.0, 1.0, 1.1), direction=DIRECTIONS[plane])
    result = harmonize(image, opened(identity()))
    assert same_grid(result.image, image) and result.image.GetPixelID() == sitk.sitkFloat32
    assert np.abs(array(result.image) - plain(image)).max() < 1e-3
    assert result.details["returned_slices"] == []


@pytest.mark.parametrize(("spacing", "pixel_mm"), [((0.45, 0.45, 4.0), 1.0), ((1.3, 1.3, 4.0), 0.7), ((0.8, 1.1, 4.0), 0.9)])
def test_detail_finer_than_the_networks_pixels_stays(opened, spacing, pixel_mm):
    image = study(rows=200, columns=180, spacing=spacing)
    result = opened(identity(), pixel_mm=pixel_mm).transform(image)
    assert np.abs(array(result) - plain(image)).max() < 1e-3


def test_what_a_network_changes_comes_back_on_a_finer_grid(opened):
    image = study(rows=200, columns=180, spacing=(0.5, 0.5, 4.0))
    method = spied(opened, Spy(lambda images: np.clip(images[:, 0] * 0.5 + 0.2, 0, 1)))
    result = array(method.transform(image))
    smooth = [sitk.GetArrayFromImage(sitk.DiscreteGaussian(sitk.GetImageFromArray(one), 9.0)) for one in (result, plain(image))]
    inner = (slice(None), slice(20, -20), slice(20, -20))
    assert np.abs(smooth[0] - (0.5 * smooth[1] + 51))[inner].max() < 6
    assert result.min() >= 0 and result.max() <= 255


def test_inverted_contrast_moves_nothing_and_is_let_through(opened):
    image = study()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = harmonize(image, opened(inverted()))
    assert np.abs(array(result.image) - (255 - plain(image))).max() < 1e-3
    found = result.details["slices"]
    assert [one["slice"] for one in found] == [0, 1, 2, 3, 4]
    assert all(one["returned"] is None and one["moved_p95_mm"] == 0 and one["edge_alignment"] > 0.95 for one in found)
    assert min(one["dssim"] for one in found) > 0.5


def test_every_slice_that_would_move_by_four_pixels_is_returned_as_it_was(opened):
    image = study()
    with pytest.warns(ImagingWarning, match="All slices were returned as they were, because anatomy would move by [34]"):
        result = harmonize(image, opened(moved(4)))
    assert result.details["returned_slices"] == [0, 1, 2, 3, 4]
    assert np.abs(array(result.image) - plain(image)).max() < 1e-4


@pytest.mark.parametrize("direction", ["sagittal", "mirrored"])
def test_only_the_slices_that_fail_are_returned_by_their_number_in_the_file(opened, direction):
    image = study(direction=DIRECTIONS[direction])
    spy = Spy()

    def some(images):
        made = 1 - images[:, 0]
        if len(spy.shown) == 1:  # of the first four working slices the second
            made[1] = np.roll(images[1, 0], 4, axis=0)
        return made

    spy._change = some
    with pytest.warns(ImagingWarning, match="1 of 5 slices were returned"):
        result = harmonize(image, spied(opened, spy))
    (kept,) = result.details["returned_slices"]
    assert kept == (3 if direction == "mirrored" else 1)
    given, before = array(result.image), plain(image)
    assert np.abs(given[kept] - before[kept]).max() < 1e-4
    others = [index for index in range(5) if index != kept]
    assert np.abs(given[others] - (255 - before[others])).max() < 1e-3


def test_a_piece_that_moves_is_seen_though_the_rest_stays():
    picture = array(study(slices=1, rows=200, columns=200, seed=3))[0] / 700
    down, across = np.indices(picture.shape).astype(float)
    from scipy import ndimage

    local = 5 * np.exp(-((down - 60) ** 2 + (across - 40) ** 2) / (2 * 18.0**2))
    bent = ndimage.map_coordinates(picture, [down + local, across], order=1)
    assert default_limits().refuse(check(picture, picture**0.5, 0.7)) == ""
    assert "anatomy would move" in default_limits().refuse(check(picture, bent, 0.7))


def test_blank_slices_hold_nothing_back():
    empty = np.zeros((64, 64), np.float32)
    found = check(empty, empty, 0.7)
    assert np.isnan(found.moved_p95_mm) and np.isnan(found.edge_alignment)
    assert default_limits().refuse(found) == ""
    assert found.as_dict()["moved_p95_mm"] is None


def test_the_limits_are_those_of_the_verdict():
    anywhere, edges = verdict_limits()["moved_anywhere"], verdict_limits()["edge_alignment"]
    assert default_limits() == Limits(anywhere.review, anywhere.do_not_trust, edges.do_not_trust)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (SliceCheck(0.2, 0.9, 0.9, 0.5), ""),
        (SliceCheck(1.1, 1.2, 0.9, 0.1), "anatomy would move by 1.2 mm"),
        (SliceCheck(0.0, 2.5, 0.9, 0.1), "anatomy would move by 2.5 mm"),
        (SliceCheck(0.0, 0.0, 0.2, 0.1), "edges would agree to 0.20 only"),
    ],
)
def test_a_slice_is_held_to_each_limit(found, said):
    assert default_limits().refuse(found) == said


def test_strength_zero_returns_the_image(opened):
    image = study()
    result = harmonize(image, opened(inverted()), strength=0.0)
    before, after = array(image).ravel(), array(result.image).ravel()
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(1, abs=1e-6)
    half = harmonize(image, opened(identity()), strength=0.5)
    assert np.corrcoef(before, array(half.image).ravel())[0, 1] > 0.999


def test_the_code_tells_a_network_its_target(opened):
    image = study()
    targets = [{"name": "bright", "contrast": "t1", "code": [1.0, 0.0]}, {"name": "dark", "contrast": "", "code": [0.5, 1.0]}]
    options = {"method": "harmonae", "targets": targets}
    assert np.abs(array(opened(weighed(), 0, **options).transform(image)) - plain(image)).max() < 1e-3
    dark = opened(weighed(), 1, **options)
    assert np.abs(array(dark.transform(image)) - 0.5 * plain(image)).max() < 1e-3
    assert dark.name == "harmonae" and "tiny/dark" in dark.units
    assert dark.as_dict()["code"] == [0.5, 1.0]


def test_a_slice_is_shown_between_its_neighbours_as_they_were(opened):
    image = study(slices=6)
    spy = Spy(lambda images: 1 - images[:, 1])
    spied(opened, spy, slices=3).transform(image)
    shown = np.concatenate(spy.shown)
    rows, columns = image.GetHeight(), image.GetWidth()
    assert shown.shape == (6, 3, rows, columns)
    wanted = plain(image) / 255
    for index in range(6):
        for place in (-1, 0, 1):
            near = min(max(index + place, 0), 5)
            assert np.abs(shown[index, place + 1] - wanted[near]).max() < 1e-6


def test_a_single_sagittal_slice_is_harmonized(opened):
    image = study(slices=1)
    assert np.abs(array(opened(inverted()).transform(image)) - (255 - plain(image))).max() < 1e-3


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (study(slices=1, direction=DIRECTIONS["axial"]), InputError, "less than 40 mm of the sagittal plane"),
        (study() * 0 + 7, InputError, "one intensity"),
        (study() / 0, InputError, "not numbers"),
        (sitk.Compose(study(), study(), study()), GeometryError, "single values"),
        (study()[:, :, 2], GeometryError, "three-dimensional"),
    ],
)
def test_images_that_cannot_be_harmonized_are_refused_in_a_sentence(opened, image, error, said):
    with pytest.raises(error, match=said):
        harmonize(image, opened(identity()))


def test_progress_runs_to_the_end_and_a_cancel_gets_through(opened):
    method, reports = opened(identity()), []
    harmonize(study(slices=9), method, progress=reports.append)
    fractions = [one.fraction for one in reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and len(reports) == 4

    def stop(report):
        if report.fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        harmonize(study(slices=9), method, progress=stop)


def test_never_more_than_a_batch_is_shown(opened):
    spy = Spy()
    spied(opened, spy).transform(study(slices=11))
    assert [len(images) for images in spy.shown] == [4, 4, 3]


def test_weights_that_are_not_the_cards_are_refused(tmp_path):
    card = write_model(tmp_path, "tiny", identity())
    (tmp_path / "tiny.onnx").write_bytes(inverted())
    with pytest.raises(InputError, match="not those the card"):
        open_reference(references_in(card)[0], "cpu")
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(InputError, match="missing"):
        open_reference(references_in(card)[0], "cpu")


def test_a_shipped_reference_is_found_again_from_what_was_written_of_it(opened, tmp_path, monkeypatch):
    method = opened(identity())
    write_method(method, tmp_path / "fit.json")
    for module in ("model_card", "model_files"):
        monkeypatch.setattr(f"spinemr.imaging.{module}.model_folders", lambda: (tmp_path / "models",))
    again = read_method(tmp_path / "fit.json")
    assert again.as_dict() == method.as_dict()


def test_a_damaged_study_is_mended_and_harmonized(opened, tmp_path):
    values = array(study())
    values[2, 30, 30] = np.nan
    broken = sitk.GetImageFromArray(values)
    broken.CopyInformation(study())
    sitk.WriteImage(broken, str(tmp_path / "broken.nrrd"))
    with pytest.warns(ImagingWarning, match="1 NaN"):
        image = read_image(tmp_path / "broken.nrrd")
    assert np.isfinite(array(opened(identity()).transform(image))).all()

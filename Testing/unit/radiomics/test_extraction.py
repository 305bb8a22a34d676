"""Extraction as a whole: names, several structures, filters with settings of their own, progress, engines, the catalogue."""

import runpy
import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import Cancelled, ImagingWarning, InputError, SpineMRError
from spinemr.radiomics import engine, extraction
from spinemr.radiomics.engine import engine_version, features_of
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.catalogue import CATALOGUE, FAMILIES, entry_of
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.settings import Settings

FEW = Settings(feature_classes={"firstorder": ("Mean", "Maximum"), "glcm": ("Contrast",)})


@pytest.fixture
def case(rng):
    """Noise with two cubes and a ball in its mask."""
    image = sitk.GetImageFromArray(rng.normal(100, 30, (8, 20, 20)).astype(np.float32))
    mask = np.zeros((8, 20, 20), np.uint8)
    mask[1:4, 2:8, 2:8], mask[4:7, 10:18, 3:9] = 124, 23
    mask[5, 3, 15] = 7
    return image, sitk.GetImageFromArray(mask)


def test_the_107_default_features_by_name(case):
    found = extract(*case, labels=[23])[23]
    assert len(found) == 107
    assert next(iter(found)) == "original_shape_Elongation"
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())
    assert {entry_of(name).full_name for name in found} == set(found)


def test_several_structures_are_as_each_alone(case):
    together = extract(*case, FEW, labels=[124, 23])
    assert list(together) == [124, 23]
    for label in (23, 124):
        assert together[label] == extract(*case, FEW, labels=[label])[label]


def test_the_label_of_the_settings_is_the_default(case):
    assert list(extract(*case, Settings(label=23, feature_classes=FEW.feature_classes))) == [23]


def test_a_structure_that_cannot_be_measured_is_left_out(case):
    with pytest.warns(ImagingWarning, match="Left out: Label 7 is a single voxel"):
        assert list(extract(*case, FEW, labels=[7, 23])) == [23]


def test_nan_in_one_structure_spares_the_others(case):
    image, mask = case
    values = sitk.GetArrayFromImage(image)
    values[5, 12, 5] = np.nan
    broken = sitk.GetImageFromArray(values)
    with pytest.raises(InputError, match="NaN or infinite"):
        extract(broken, mask, FEW, labels=[23])
    with pytest.warns(ImagingWarning, match="label 23 in the image original"):
        assert list(extract(broken, mask, FEW, labels=[23, 124])) == [124]


def test_the_work_on_the_image_is_done_once(case, monkeypatch):
    seen = []
    original = extraction.derived_images

    def counted(image, mask, settings):
        seen.append(next(iter(settings.image_types)))
        return original(image, mask, settings)

    monkeypatch.setattr(extraction, "derived_images", counted)
    settings = Settings(image_types={"Original": {}, "Gradient": {}, "Square": {}}, feature_classes=FEW.feature_classes)
    found = extract(*case, settings, labels=[23, 124])
    assert seen == ["Gradient", "Square"]
    assert list(found[23])[2:5] == ["original_glcm_Contrast", "gradient_firstorder_Mean", "gradient_firstorder_Maximum"]


def test_a_filter_may_have_a_bin_width_of_its_own(case):
    types = {"Original": {}, "Square": {"binWidth": 3.0}}
    both = extract(*case, Settings(image_types=types, feature_classes={"firstorder": ("Entropy",)}), labels=[23])[23]
    wide = extract(*case, Settings(image_types={"Square": {}}, feature_classes={"firstorder": ("Entropy",)}), labels=[23])[23]
    assert both["square_firstorder_Entropy"] > wide["square_firstorder_Entropy"] + 2


def test_spinetk_beside_pyradiomics(case):
    found = extract(*case, Settings(feature_classes={"firstorder": (), "spinetk": ()}), labels=[23])[23]
    assert found["original_spinetk_MPP"] == pytest.approx(found["original_firstorder_Mean"])
    assert found["original_spinetk_Kurtosis"] == pytest.approx(found["original_firstorder_Kurtosis"] - 3, abs=0.2)


def test_two_dimensional_shape_needs_to_be_asked_for(case):
    settings = Settings(feature_classes={"shape2D": (), "firstorder": ("Mean",)})
    with pytest.warns(ImagingWarning, match="need force2D"):
        assert list(extract(*case, settings, labels=[23])[23]) == ["original_firstorder_Mean"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(feature_classes={"glmc": ()}), "no feature class named glmc"),
        (Settings(feature_classes={"glcm": ("Idnm",)}), "no glcm feature Idnm"),
        (Settings(image_types={"Wave": {}}), "no image type named Wave"),
        (Settings(image_types={"LBP2D": {}}), "LBP2D is not offered. Take the engine pyradiomics"),
    ],
)
def test_what_nobody_can_compute(case, settings, said):
    with pytest.raises(InputError, match=said):
        extract(*case, settings, labels=[23])


def test_vectors_and_colours_are_refused(case):
    image = sitk.Compose(case[0], case[0])
    with pytest.raises(InputError, match="one value in each voxel"):
        extract(image, case[1], labels=[23])


def test_progress_rises_to_one_and_can_stop_the_work(case):
    reports = []
    extract(*case, Settings(image_types={"Original": {}, "Gradient": {}}), labels=[23, 124], progress=reports.append)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "gradient, label 124" in [report.message for report in reports]

    def stop(_report):
        raise Cancelled

    with pytest.raises(Cancelled):
        extract(*case, labels=[23], progress=stop)


def test_both_engines_give_the_same(case):
    pytest.importorskip("radiomics")
    ours, theirs = (features_of(*case, labels=[23, 124], engine=name) for name in engine.ENGINES)
    assert list(ours) == list(theirs) == [23, 124]
    for label, features in theirs.items():
        assert ours[label] == pytest.approx(features, rel=1e-6)
    assert engine_version("pyradiomics").startswith("pyradiomics")
    assert engine_version("spinemr") == ""


def test_pyradiomics_leaves_simpleitk_and_its_log_as_they_were(case):
    pytest.importorskip("radiomics")
    before = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    features_of(*case, Settings(geometry_tolerance=0.5, feature_classes=FEW.feature_classes), labels=[23], engine="pyradiomics")
    assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == before


def test_what_pyradiomics_refuses_is_one_sentence(case):
    pytest.importorskip("radiomics")
    with pytest.raises(InputError, match="pyradiomics refuses label 7: mask only contains 1 segmented voxel"):
        features_of(*case, labels=[7], engine="pyradiomics")
    with pytest.warns(ImagingWarning, match="Left out: label 7"):
        assert list(features_of(*case, labels=[7, 23], engine="pyradiomics")) == [23]


def test_engines_that_are_not_there(case, monkeypatch):
    with pytest.raises(InputError, match=r"no engine magic\. Known are: spinemr, pyradiomics"):
        features_of(*case, engine="magic")
    monkeypatch.setattr(engine, "find_spec", lambda _name: None)
    with pytest.raises(SpineMRError, match="pip install pyradiomics-bhklab"):
        features_of(*case, engine="pyradiomics")


def test_nothing_is_warned_of_where_all_is_well(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extract(*case, labels=[23, 124])


def test_the_catalogue_has_every_feature_once():
    assert len({entry.full_name for entry in CATALOGUE}) == len(CATALOGUE)
    for family, names in NAMES.items():
        entries = [entry for entry in CATALOGUE if entry.family == family]
        assert {entry.name for entry in entries} == set(names.all)
        assert {entry.name for entry in entries if entry.default} == set(names.default)
    assert set(FAMILIES) == set(NAMES)
    assert sum(entry.default for entry in CATALOGUE if entry.family not in ("shape2D", "spinetk")) == 107


def test_ibsi_codes_are_codes_and_each_stands_for_one_thing():
    # Other names of one and the same thing share its code, and so do IBSI's versions of pyradiomics' lengths; nothing else does.
    aliases = {"Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance"}
    codes = [entry.ibsi for entry in CATALOGUE if entry.ibsi and entry.name not in aliases and not entry.name.endswith("IBSI")]
    assert all(len(code) == 4 and code.isascii() and code.isalnum() and code == code.upper() for code in codes)
    assert len(set(codes)) == len(codes)
    assert (entry_of("glcm_Idmn").ibsi, entry_of("wavelet-LLH_firstorder_Mean").ibsi) == ("1QCO", "Q4LE")
    with pytest.raises(InputError, match="no feature original_glcm_Magic"):
        entry_of("original_glcm_Magic")


def test_the_page_of_features_is_up_to_date(repository):
    text = (repository / "docs" / "radiomics.md").read_text(encoding="utf-8")
    made = runpy.run_path(str(repository / "docs" / "reference" / "radiomics.py"))["page"](text)
    assert text == made, "run: python docs/reference/radiomics.py"
    assert all(f"| {entry.name} | " in text for entry in CATALOGUE)

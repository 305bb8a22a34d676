"""pyradiomics' parameter files: what they say, and the sentence about what nobody understands."""

import json

import pytest
import yaml

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.radiomics import parameter_file, yaml_subset
from spinemr.radiomics.engine import pyradiomics_parameters
from spinemr.radiomics.parameter_file import parameters_of, read_parameters, read_settings
from spinemr.radiomics.parameters import PARAMETERS, overridden
from spinemr.radiomics.settings import FEATURE_CLASSES, Settings

EXAMPLE = """# MR, after normalization
imageType:
  Original: {}
  LoG:
    sigma: [1.0, 3]  # in mm
    binWidth: 10
  Wavelet: {wavelet: 'haar'}

featureClass:
  shape:
  firstorder: []
  glcm:  # some
    - 'Idmn'
    - Correlation
  glrlm:
  - ShortRunEmphasis

setting:
  normalize: true
  normalizeScale: 100
  removeOutliers: 3
  resampledPixelSpacing: [1, 1,
    0]
  interpolator: 'sitkLinear'
  binWidth: 5
  distances: [1, 2]
  weightingNorm: # none
  resegmentRange: [-3, 3]
  resegmentMode: sigma
  voxelArrayShift: 300
  minimumROISize: 50
  label: 2
  additionalInfo: True
"""
SAID = Settings(
    bin_width=5.0,
    normalize=True,
    normalize_scale=100.0,
    remove_outliers=3.0,
    resampled_pixel_spacing_mm=(1.0, 1.0, 0.0),
    interpolator="sitkLinear",
    distances=(1, 2),
    resegment_range=(-3.0, 3.0),
    resegment_mode="sigma",
    voxel_array_shift=300.0,
    minimum_roi_size=50,
    label=2,
    image_types={"Original": {}, "LoG": {"sigma": (1.0, 3.0), "binWidth": 10.0}, "Wavelet": {"wavelet": "haar"}},
    feature_classes={"shape": (), "firstorder": (), "glcm": ("Idmn", "Correlation"), "glrlm": ("ShortRunEmphasis",)},
)


def test_an_example_however_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "Lékař parameters.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    as_json = tmp_path / "parameters.json"
    as_json.write_text(json.dumps(yaml.safe_load(EXAMPLE)), encoding="utf-8")
    assert read_settings(path) == SAID
    assert read_settings(as_json) == SAID
    monkeypatch.setattr(parameter_file, "find_spec", lambda _name: None)
    assert read_settings(path) == SAID
    assert {"label", "binWidth"} < read_parameters(path).named
    assert "binCount" not in read_parameters(path).named


@pytest.mark.parametrize("text", ["", "setting: {}\n", "# nothing\n", "imageType:\nfeatureClass:\n"])
def test_what_is_not_said_is_as_in_pyradiomics(tmp_path, text):
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    assert read_settings(path) == Settings()
    assert tuple(Settings().feature_classes) == FEATURE_CLASSES


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"settings": {}}, "no section named settings. Is setting meant"),
        ({"setting": {"binwidht": 5}}, "no setting named binwidht. Is binWidth meant"),
        ({"setting": {"colour": 5}}, "no setting named colour. Known are: binWidth, binCount"),
        ({"setting": {"binWidth": 0}}, "binWidth cannot be 0. It takes a number above 0"),
        ({"setting": {"binWidth": "wide"}}, "binWidth cannot be 'wide'"),
        ({"setting": {"binCount": 3.5}}, "binCount cannot be 3.5. It takes a whole number of at least 1"),
        ({"setting": {"force2Ddimension": 3}}, "a whole number from 0 to 2"),
        ({"setting": {"normalize": 1}}, "normalize cannot be 1. It takes true or false"),
        ({"setting": {"resampledPixelSpacing": [1, 1]}}, "a list of 3 numbers"),
        ({"setting": {"resampledPixelSpacing": [1, 1, -1]}}, "a number of at least 0"),
        ({"setting": {"resegmentRange": []}}, "a list of 1 or 2 numbers"),
        ({"setting": {"resegmentMode": "some"}}, "one of absolute, relative, sigma"),
        ({"setting": {"interpolator": "sitkMagic"}}, "one of sitkNearestNeighbor"),
        ({"setting": {"binWidth": float("nan")}}, "a number above 0"),
        ({"setting": {"label_channel": 1}}, "label_channel 1; masks here have one channel"),
        ({"setting": [1]}, "setting does not hold names"),
        ([1, 2], "The file does not hold names"),
        ({"imageType": {"Wavelets": {}}}, "no image type named Wavelets. Is Wavelet meant"),
        ({"imageType": {"LoG": {"sigma": [-1]}}}, "sigma cannot be"),
        ({"imageType": {"LoG": {"sgma": [1]}}}, "no setting named sgma. Is sigma meant"),
        ({"featureClass": {"glmc": None}}, "no feature class named glmc. Is g.* or glcm meant"),
        ({"featureClass": {"glcm": ["Idnm"]}}, "no glcm feature named Idnm. Is Id"),
        ({"featureClass": {"glcm": "Idmn"}}, "does not hold a list"),
    ],
)
def test_each_mistake_is_named(content, said):
    with pytest.raises(InputError, match=said):
        parameters_of(content)


def test_voxel_settings_are_left_out_with_a_warning():
    with pytest.warns(ImagingWarning, match="voxelSetting is left out"):
        assert parameters_of({"voxelSetting": {"kernelRadius": 2}}).settings == Settings()


def test_filters_may_find_their_settings_under_setting():
    found = parameters_of({"setting": {"sigma": [2], "binWidth": 7}, "imageType": {"LoG": None, "Gradient": {}}}).settings
    assert found.image_types == {"LoG": {"sigma": (2.0,)}, "Gradient": {"sigma": (2.0,)}}
    assert found.bin_width == 7


def test_no_interpolator_means_no_resampling():
    assert parameters_of({"setting": {"interpolator": None, "resampledPixelSpacing": [1, 1, 1]}}).settings == Settings()
    assert parameters_of({"setting": {"interpolator": 2}}).settings.interpolator == "sitkLinear"


def test_single_settings_can_be_changed():
    changed = overridden(SAID, {"binWidth": "1e-3", "binCount": 8, "sigma": [1]})
    assert (changed.bin_width, changed.bin_count, changed.normalize_scale) == (0.001, 8, 100.0)
    assert overridden(SAID, {"sigma": [1]}) is SAID


def test_the_way_to_pyradiomics_and_back():
    assert parameters_of(pyradiomics_parameters(SAID)).settings == SAID
    assert parameters_of(pyradiomics_parameters(Settings())).settings == Settings()


def test_pyradiomics_is_not_asked_for_what_it_has_not():
    for settings in (
        Settings(discretization="ibsi"),
        Settings(aggregation="3d_merged"),
        Settings(feature_classes={"spinetk": ()}),
    ):
        with pytest.raises(InputError, match="pyradiomics has no"):
            pyradiomics_parameters(settings)


def test_every_field_of_the_settings_has_a_name_in_files():
    fields = {parameter.field for parameter in PARAMETERS.values()}
    assert fields == set(Settings.__dataclass_fields__) - {"image_types", "feature_classes"}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"Cannot read .*nothing.yaml"):
        read_settings(tmp_path / "nothing.yaml")
    (tmp_path / "picture.yaml").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="it is not text"):
        read_settings(tmp_path / "picture.yaml")
    (tmp_path / "broken.yaml").write_text("setting:\n  binWidth: [1\n")
    with pytest.raises(InputError, match=r"broken.yaml: line \d+ is not YAML"):
        read_settings(tmp_path / "broken.yaml")
    (tmp_path / "broken.json").write_text('{"setting": ')
    with pytest.raises(InputError, match=r"broken\.json: line 1 is not JSON"):
        read_settings(tmp_path / "broken.json")


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE,
        "",
        "a: 1\nb: -2.5\nc: 1.e+3\nd: text with blanks\ne: 'it''s'\nf: \"x # y\"\n",
        "---\na: [1, [2, 3], {x: y, z: }]\n",
        "a:\n    b:\n        - 1\n        - null\n    c: ~\n",
        "flags: [true, False, yes, no, on, off]\n",
        "a: # nothing\nb: {}\nc: []\n",
        "- 1\n- two\n",
        "7\n",
    ],
)
def test_the_own_reader_understands_what_pyyaml_does(text):
    assert yaml_subset.parse(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x 1\n", 1),
        ("a: !!str 1\n", 1),
        ("a: |\n  text\n", 1),
        ("a: 1\n   b: 2\n", 2),
        ("a: [1, 2\n", 1),
        ("a: [1 2]]\n", 1),
        ("a: {b 1}\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a:\n\tb: 1\n", 2),
        ("a: 1\na: 2\n", 2),
        ("- - 1\n", 1),
        ("- a: 1\n", 1),
        ("a: 'open\n", 1),
        ("a: 1\njust words\n", 2),
    ],
)
def test_the_own_reader_refuses_the_rest_with_its_line(text, line):
    with pytest.raises(InputError, match=f"line {line} "):
        yaml_subset.parse(text)

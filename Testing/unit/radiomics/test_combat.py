from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json

import numpy as np
import pytest

from spinemr.imaging.errors import ImagingWarning, InputError, OutputError
from spinemr.radiomics.statistics.combat import ComBat, ComBatOptions, fit, fit_table
from spinemr.radiomics.table import FeatureRow, FeatureTable

SCANNERS = [*"AAAABBBBBBCCCC"]
COVARIATES = {
    "age": [31.0, 64.0, 45.0, 52.0, 38.0, 70.0, 29.0, 58.0, 41.0, 66.0, 35.0, 49.0, 61.0, 55.0],
    "sex": [*"fmmfmfmffmfmmf"],
}
OPTIONS = {
    "parametric": ComBatOptions(),
    "non-parametric": ComBatOptions(parametric=False),
    "mean only": ComBatOptions(mean_only=True),
    "non-parametric mean only": ComBatOptions(parametric=False, mean_only=True),
    "no Bayes": ComBatOptions(empirical_bayes=False),
    "reference": ComBatOptions(reference="B"),
    "reference mean only": ComBatOptions(reference="B", mean_only=True),
}
# neuroCombat 0.2.12 on the study below, its iteration carried to 1e-11: samples 0 (A), 4 (B) and 10 (C).
REFERENCE = {
    "parametric": [
        [10.97539507, 19.79480593, 31.61335120, 43.03362962, 50.79042038],
        [11.22463298, 23.08460652, 33.04616044, 41.08768812, 47.83797731],
        [12.74180952, 20.97360631, 29.50762780, 43.34047133, 47.96327716],
    ],
    "non-parametric": [
        [10.95391423, 19.95626985, 31.49606085, 43.24281610, 50.71258454],
        [11.10377408, 23.22329417, 32.59600037, 41.20357958, 47.87268725],
        [13.51692478, 21.06422254, 29.15137915, 43.64418285, 47.77444212],
    ],
    "mean only": [
        [11.10537908, 19.76797358, 31.62383462, 43.10838435, 50.79498736],
        [11.42399268, 23.40825850, 33.16135351, 40.47827312, 46.94672212],
        [12.81283569, 20.71383220, 29.38739480, 44.27943306, 48.03227964],
    ],
    "non-parametric mean only": [
        [11.03246279, 19.71906565, 31.51058032, 42.99597989, 50.66368904],
        [11.07242130, 23.31908537, 32.58746363, 40.91661244, 48.46550116],
        [13.38187841, 21.05962634, 28.60104911, 44.37436384, 47.22651713],
    ],
    "no Bayes": [
        [10.68916841, 20.00468824, 31.65960534, 42.68271207, 51.29585200],
        [11.13768542, 22.91966928, 33.07351904, 41.03232257, 48.34230171],
        [12.85605647, 21.14146428, 29.35501150, 42.73024806, 47.75528068],
    ],
    "reference": [
        [12.92017857, 21.83180658, 33.42626847, 43.31283021, 52.36960642],
        [13.19083062, 25.00096012, 34.90734084, 41.89288228, 49.59970463],
        [14.89567703, 23.06346932, 31.32723693, 43.46530828, 49.63973323],
    ],
    "reference mean only": [
        [12.90124617, 21.62159626, 33.54530864, 43.88641458, 53.20119930],
        [13.19083062, 25.00096012, 34.90734084, 41.89288228, 49.59970463],
        [15.01069430, 22.81003373, 31.00608149, 44.57554525, 49.92662949],
    ],
}  # fmt: skip


def study() -> np.ndarray:
    """Five features of 14 samples: waves whose height and level depend on the scanner, besides age and sex."""
    i, j = np.mgrid[:14, :5]
    scanner = np.array(["ABC".index(name) for name in SCANNERS])[:, None]
    waves = np.sin(1.7 * (i + 1) ** 2 + 2.3 * (j + 1) * (i + 2)) * (1 + 0.5 * scanner) * (1 + 0.3 * j)
    shift = np.array([0.0, 2.0, -1.5])[scanner] * (1 + 0.2 * np.cos(j))
    person = 0.02 * np.array(COVARIATES["age"]) + 0.4 * np.array([sex == "m" for sex in COVARIATES["sex"]])
    return 10.0 * (j + 1) + waves + shift + person[:, None]


@pytest.mark.parametrize("name", OPTIONS)
def test_as_the_published_implementation(name):
    model = fit(study(), SCANNERS, COVARIATES, options=OPTIONS[name])
    cleaned = model.apply(study(), SCANNERS, COVARIATES)
    np.testing.assert_allclose(cleaned[[0, 4, 10]], REFERENCE[name], atol=2e-7)


@pytest.mark.parametrize("name", OPTIONS)
def test_as_neurocombat_where_it_is_installed(name, monkeypatch):
    pytest.importorskip("neuroCombat")
    pandas = pytest.importorskip("pandas")
    module = importlib.import_module("neuroCombat.neuroCombat")
    monkeypatch.setattr(np, "int", int, raising=False)  # gone from numpy since 1.24
    monkeypatch.setattr(module, "it_sol", functools.partial(module.it_sol, conv=1e-11))
    random = np.random.default_rng(9)
    scanners, age = random.permutation([*"A" * 12, *"B" * 18, *"C" * 15]), random.integers(20, 80, 45)
    sex = random.choice(["f", "m"], 45)
    values = random.normal(20, 3, (45, 30)) + 0.05 * age[:, None]
    values[scanners == "B"] = 1.7 * values[scanners == "B"] + random.normal(2, 1, 30)
    options = OPTIONS[name]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = module.neuroCombat(
            values.T.copy(), pandas.DataFrame({"batch": scanners, "age": age, "sex": sex}), "batch", ["sex"], ["age"],
            eb=options.empirical_bayes, parametric=options.parametric, mean_only=options.mean_only,
            ref_batch=options.reference or None,
        )["data"].T  # fmt: skip
    covariates = {"age": age.astype(float).tolist(), "sex": sex.tolist()}
    ours = fit(values, scanners.tolist(), covariates, options=options).apply(values, scanners.tolist(), covariates)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_without_bayes_all_scanners_get_the_same_mean_and_pooled_variance():
    values = study()
    cleaned = fit(values, SCANNERS, options=OPTIONS["no Bayes"]).apply(values, SCANNERS)
    where = np.array(SCANNERS)
    parts = [cleaned[where == name] for name in "ABC"]
    for part in parts:
        np.testing.assert_allclose(part.mean(axis=0), values.mean(axis=0))
        residuals = [values[where == name] - values[where == name].mean(axis=0) for name in "ABC"]
        np.testing.assert_allclose(part.var(axis=0, ddof=1), np.concatenate(residuals).var(axis=0))


def test_scanners_go_and_age_stays():
    random = np.random.default_rng(3)
    scanners = [name for name in "ABC" for _ in range(60)]
    age = random.uniform(20, 80, 180)
    pure = 50 + 0.3 * age[:, None] + random.normal(size=(180, 40))
    place = np.array(["ABC".index(name) for name in scanners])
    seen = pure + random.normal(0, 3, (3, 40))[place]
    cleaned = fit(seen, scanners, {"age": age.tolist()}).apply(seen, scanners, {"age": age.tolist()})
    residual = cleaned - 0.3 * age[:, None]
    assert np.stack([(seen - pure)[place == index].mean(axis=0) for index in range(3)]).std(axis=0).max() > 2
    between = np.stack([residual[place == index].mean(axis=0) for index in range(3)]).std(axis=0)
    assert between.max() < 0.2
    slopes = np.polyfit(age, cleaned, 1)[0]
    np.testing.assert_allclose(slopes, 0.3, atol=0.025)


def test_unseen_images_of_known_scanners():
    values = study()
    model = fit(values, SCANNERS, COVARIATES)
    whole = model.apply(values, SCANNERS, COVARIATES)
    one = model.apply(values[7:8], ["B"], {"age": [58.0], "sex": ["f"]})
    np.testing.assert_allclose(one[0], whole[7], rtol=1e-12)


def test_the_reference_scanner_comes_back_bit_for_bit():
    values = study()
    cleaned = fit(values, SCANNERS, COVARIATES, options=OPTIONS["reference"]).apply(values, SCANNERS, COVARIATES)
    np.testing.assert_array_equal(cleaned[4:10], values[4:10])


def test_the_state_survives_its_file(tmp_path):
    model = fit(study(), SCANNERS, COVARIATES, names=("one", "two", "three", "four", "five"), options=OPTIONS["reference"])
    model.save(tmp_path / "combat.json")
    again = ComBat.load(tmp_path / "combat.json")
    assert again == model
    np.testing.assert_array_equal(again.apply(study(), SCANNERS, COVARIATES), model.apply(study(), SCANNERS, COVARIATES))
    assert json.loads(model.to_json())["version"] == 1
    with pytest.raises(OutputError):
        model.save(tmp_path)


def test_files_that_are_no_combat_are_refused(tmp_path):
    state = json.loads(fit(study(), SCANNERS, COVARIATES).to_json())
    broken = [
        "", "[]", "{}", json.dumps(state | {"version": 2}), json.dumps(state | {"shift": state["shift"][:2]}),
        json.dumps(state | {"scale": [[0.0] * 5] * 3}), json.dumps(state | {"coefficients": state["coefficients"][:1]}),
        json.dumps(state | {"grand_mean": "abcde"}), json.dumps(state | {"options": {"speed": 1}}),
    ]  # fmt: skip
    for text in broken:
        with pytest.raises(InputError):
            ComBat.from_json(text)
    with pytest.raises(InputError, match="cannot be read"):
        ComBat.load(tmp_path / "none.json")


def test_features_that_never_vary_are_left_and_said():
    values = np.concatenate([study(), np.full((14, 1), 3.0)], axis=1)
    with pytest.warns(ImagingWarning, match="leaves 1 features as they are .* such as feature_5"):
        model = fit(values, SCANNERS, COVARIATES)
    cleaned = model.apply(values, SCANNERS, COVARIATES)
    np.testing.assert_array_equal(cleaned[:, 5], 3.0)
    np.testing.assert_allclose(cleaned[[0, 4, 10], :5], REFERENCE["parametric"], atol=2e-7)


def test_a_feature_constant_in_one_scanner_only_is_moved():
    values = study()
    values[:4, 2] = 30.0
    cleaned = fit(values, SCANNERS).apply(values, SCANNERS)
    assert np.isfinite(cleaned).all() and np.ptp(cleaned[:4, 2]) == 0 and cleaned[0, 2] != 30.0


def test_equal_variances_of_all_features_make_a_certain_prior():
    values = np.stack([study()[:, 0], study()[:, 0] + 5], axis=1)
    cleaned = fit(values, SCANNERS).apply(values, SCANNERS)
    np.testing.assert_allclose(cleaned[:, 1] - cleaned[:, 0], 5.0)
    where = np.array(SCANNERS)
    means = [cleaned[where == name, 0].mean() for name in "ABC"]
    np.testing.assert_allclose(means, values[:, 0].mean(), rtol=1e-9)


def test_many_samples_do_not_underflow():
    random = np.random.default_rng(1)
    values = random.normal(size=(3000, 4)) + np.repeat([[0.0], [2.0]], 1500, axis=0)
    cleaned = fit(values, ["A"] * 1500 + ["B"] * 1500, options=OPTIONS["non-parametric"]).apply(
        values, ["A"] * 1500 + ["B"] * 1500
    )
    assert np.isfinite(cleaned).all()
    assert abs(float(cleaned[:1500].mean() - cleaned[1500:].mean())) < 0.1


def test_single_samples_allow_means_only():
    values, scanners = study(), [*SCANNERS[:13], "D"]
    with pytest.raises(InputError, match="Scanner D has a single sample"):
        fit(values, scanners)
    cleaned = fit(values, scanners, options=ComBatOptions(mean_only=True)).apply(values, scanners)
    assert np.isfinite(cleaned).all()


def test_tables_keep_everything_but_the_numbers():
    rows = tuple(
        FeatureRow(f"c{index}", "source", 1, "spine", {"f": float(row[0]), "g": float(row[1])}, scanner)
        for index, (row, scanner) in enumerate(zip(study(), SCANNERS, strict=True))
    )
    model = fit_table(FeatureTable(rows))
    extra = tuple(FeatureRow(r.case, r.image, r.label, r.structure, {**r.features, "h": 1.0}, r.scanner) for r in rows)
    cleaned = model.apply_to_table(FeatureTable(extra))
    assert [(row.case, row.scanner, row.features["h"]) for row in cleaned] == [(row.case, row.scanner, 1.0) for row in rows]
    np.testing.assert_array_equal(cleaned.matrix(("f", "g")), model.apply(study()[:, :2], SCANNERS))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"values": np.full((14, 5), np.nan)}, "70 of 70 values of the features are missing"),
        ({"batches": ["A"] * 14}, "from one scanner"),
        ({"batches": SCANNERS[:5]}, "14 samples, but 5 scanner names"),
        ({"batches": ["", *SCANNERS[1:]]}, "no scanner"),
        ({"names": ("a",)}, "5 features, but 1 names"),
        ({"options": ComBatOptions(reference="Z")}, "reference scanner Z has no samples"),
        ({"values": study()[:, :1]}, "fewer than two vary"),
        ({"covariates": {"age": [1.0]}}, "14 samples, but 1 values of the covariate age"),
        ({"covariates": {"age": [np.nan] * 14}}, "14 of 14 values of the covariate age"),
        ({"covariates": {"age": [1.0, "x"] * 7}}, "mixes words and numbers"),
        ({"covariates": {"site": SCANNERS}}, "cannot be told apart from the scanners"),
        (
            {"values": study()[[0, 1, 4, 5]], "batches": [*"AABB"], "covariates": {"c": [*"wxyz"]}},
            "4 samples are too few",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, sentence):
    arguments = {"values": study(), "batches": SCANNERS, **change}
    with pytest.raises(InputError, match=sentence):
        fit(**arguments)


def test_what_was_not_fitted_cannot_be_applied():
    model = fit(study(), SCANNERS, COVARIATES)
    with pytest.raises(InputError, match="not fitted with the scanner Z"):
        model.apply(study()[:1], ["Z"], {"age": [1.0], "sex": ["f"]})
    with pytest.raises(InputError, match="covariate age is missing"):
        model.apply(study()[:1], ["A"], {"sex": ["f"]})
    with pytest.raises(InputError, match="not fitted with a covariate weight"):
        model.apply(study()[:1], ["A"], {"age": [1.0], "sex": ["f"], "weight": [1.0]})
    with pytest.raises(InputError, match="not fitted with sex x"):
        model.apply(study()[:1], ["A"], {"age": [1.0], "sex": ["x"]})
    with pytest.raises(InputError, match="fitted with 5 features, and here are 2"):
        model.apply(study()[:1, :2], ["A"], {"age": [1.0], "sex": ["f"]})
    with pytest.raises(InputError, match="1 samples, but 2 scanner names"):
        model.apply(study()[:1], ["A", "B"], {"age": [1.0], "sex": ["f"]})

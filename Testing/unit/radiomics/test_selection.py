from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.selection import select_by_icc, select_features
from spinemr.radiomics.table import FeatureRow, FeatureTable

# Contrasts of four samples that do not correlate with each other.
U, V, W = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=float)
NAMES = ("steady", "its copy", "second", "mirrored", "third", "constant", "around zero", "missing")


def features() -> np.ndarray:
    columns = (100 + U, 100 + 1.1 * U, 100 + 2 * V, 100 - 3 * V, 100 + 4 * W, np.full(4, 7.0), U, [1.0, np.nan, 2.0, 3.0])
    return np.stack(columns, axis=1)


def test_the_published_procedure_by_hand():
    chosen = select_features(features(), NAMES)
    assert chosen.selected == ("steady", "second", "third")
    assert chosen.shortlist == ("steady", "its copy", "second", "mirrored", "third")
    unit = math.sqrt(4 / 3)  # n - 1 standard deviation of a contrast
    assert [chosen.scores[name] for name in chosen.shortlist] == pytest.approx([unit * k / 100 for k in (1, 1.1, 2, 3, 4)])
    np.testing.assert_allclose(chosen.correlation[:2, :2], 1.0)
    assert chosen.correlation[2, 3] == pytest.approx(-1.0) and chosen.correlation[0, 4] == pytest.approx(0.0)


def test_the_trail_says_why_each_feature_went():
    trail = {each.name: each for each in select_features(features(), NAMES).candidates}
    assert (trail["its copy"].step, trail["its copy"].representative) == ("correlated", "steady")
    assert trail["its copy"].reason == "r = 1.000 with steady"
    assert (trail["mirrored"].representative, trail["mirrored"].correlation) == ("second", pytest.approx(-1.0))
    assert (trail["constant"].step, trail["constant"].reason) == ("undefined", "constant")
    assert trail["around zero"].reason == "its mean is zero, so it has no coefficient of variation"
    assert trail["missing"].reason == "1 of 4 values are missing"
    assert list(trail)[:5] == ["steady", "its copy", "second", "mirrored", "third"]


def test_a_representative_stands_for_its_cluster():
    chosen = select_features(features(), NAMES)
    assert chosen.cluster("steady") == ("steady", "its copy")
    assert chosen.cluster("third") == ("third",)


def test_the_sign_of_a_correlation_may_count():
    chosen = select_features(features(), NAMES, absolute=False)
    assert chosen.selected == ("steady", "second", "mirrored", "third")


def test_shortlist_limit_and_count_each_drop_the_rest():
    short = select_features(features(), NAMES, shortlist=2)
    assert short.selected == ("steady",) and short.shortlist == ("steady", "its copy")
    assert {each.step for each in short.candidates if each.name == "second"} == {"shortlist"}
    limited = select_features(features(), NAMES, cv_limit=0.03)
    assert limited.selected == ("steady", "second")
    assert next(each.reason for each in limited.candidates if each.name == "third") == "CV 0.0462 is above 0.03"
    counted = select_features(features(), NAMES, count=2)
    assert counted.selected == ("steady", "second")
    assert next(each.step for each in counted.candidates if each.name == "third") == "count"
    # What correlates with a selected feature says so, even where there are enough.
    assert next(each.step for each in counted.candidates if each.name == "mirrored") == "correlated"


def test_a_table_gives_its_own_names():
    rows = tuple(
        FeatureRow(f"c{index}", "target", 1, "spine", {"x": 10 + value, "y": 50 + value})
        for index, value in enumerate((0.0, 1.0, 3.0, 2.0))
    )
    chosen = select_features(FeatureTable(rows))
    assert chosen.selected == ("y",) and chosen.cluster("y") == ("y", "x")
    with pytest.raises(InputError, match="no feature z"):
        select_features(FeatureTable(rows), ["z"])


def test_nothing_may_be_left():
    chosen = select_features(np.ones((4, 2)), ("a", "b"))
    assert chosen.selected == () and chosen.correlation.shape == (0, 0)
    assert [each.step for each in chosen.candidates] == ["undefined", "undefined"]


@pytest.mark.parametrize(
    ("values", "names", "options", "sentence"),
    [
        (np.ones((2, 2)), None, {}, "2 samples are too few"),
        (np.ones((4, 0)), None, {}, "no features"),
        (np.ones(4), None, {}, "two axes"),
        (np.ones((4, 2)), ("a",), {}, "2 columns, but 1 feature names"),
        (np.ones((4, 2)), ("a", "a"), {}, "same name"),
        (np.ones((4, 2)), None, {"correlation_limit": 1.5}, "between 0 and 1"),
        (np.ones((4, 2)), None, {"count": 0}, "At least one feature"),
    ],
)
def test_bad_input_is_refused(values, names, options, sentence):
    with pytest.raises(InputError, match=sentence):
        select_features(values, names, **options)


def sessions() -> np.ndarray:
    """Two scans of 40 subjects: a good feature, a noisy copy of it, an independent fair one, a bad one, a constant."""
    random = np.random.default_rng(6)
    good, fair = random.normal(size=(2, 40))
    noise = random.normal(size=(2, 40, 4))
    scans = [
        np.stack([good + 0.1 * e[:, 0], good + 0.2 * e[:, 1], fair + 0.3 * e[:, 2], good + 3 * e[:, 3], np.ones(40)], axis=1)
        for e in noise
    ]
    return np.stack(scans)


ICC_NAMES = ("good", "noisy copy", "fair", "bad", "constant")


def test_features_that_repeat_are_selected():
    chosen = select_by_icc(sessions(), ICC_NAMES)
    assert chosen.criterion == "icc" and chosen.selected == ("good", "fair")
    steps = {each.name: each.step for each in chosen.candidates}
    assert steps == {
        "good": "selected", "noisy copy": "correlated", "fair": "selected", "bad": "limit", "constant": "undefined",
    }  # fmt: skip
    assert list(chosen.scores) == ["good", "noisy copy", "fair", "bad", "constant"]
    assert chosen.scores["good"] > 0.97 and chosen.scores["bad"] < 0.5


def test_the_lower_bound_is_stricter():
    assert select_by_icc(sessions(), ICC_NAMES, icc_limit=0.8, lower_bound=True).selected == ("good",)


def test_sessions_as_tables_are_matched_by_case():
    scans = sessions()[:, :, :4]

    def table(scan: np.ndarray, order: range) -> FeatureTable:
        return FeatureTable(
            tuple(FeatureRow(f"c{i}", "", 1, "spine", dict(zip(ICC_NAMES, scan[i].tolist(), strict=False))) for i in order)
        )

    chosen = select_by_icc([table(scans[0], range(40)), table(scans[1], range(39, -1, -1))])
    assert chosen.scores == pytest.approx(select_by_icc(scans, ICC_NAMES[:4]).scores)


def test_one_session_shows_no_repeatability():
    with pytest.raises(InputError, match="two sessions"):
        select_by_icc(sessions()[:1], ICC_NAMES)

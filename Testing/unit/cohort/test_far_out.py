"""Outliers, scanner dependence and pace by numbers calculated by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spinemr.cohort import dependence
from spinemr.cohort.crew import Crew, plan
from spinemr.cohort.dependence import dependences, usable_scanners
from spinemr.cohort.outliers import robust_z
from spinemr.cohort.pace import Pace, duration
from spinemr.cohort.study_level import StudyLevel, kind_of_label
from spinemr.imaging.errors import ImagingWarning, InputError


def test_modified_z_scores():
    values = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [90.0], [np.nan]])
    z, middle = robust_z(values)
    assert middle[0] == 5.0
    assert z[8, 0] == pytest.approx(0.6745 * 85 / 2)
    assert z[0, 0] == pytest.approx(-0.6745 * 4 / 2)
    assert np.isnan(z[9, 0])


def test_what_never_varies_or_is_rare_has_no_outliers():
    values = np.column_stack([np.full(9, 5.0), [1.0, 2.0, 3.0, 40.0, *[np.nan] * 5]])
    assert np.isnan(robust_z(values)[0]).all()


def level_of(scanners, matrix, features):
    count = len(scanners)
    cases = tuple(f"s{place}" for place in range(count))
    return StudyLevel(cases, tuple(scanners), ("",) * count, ("pass",) * count, features, {("source", "discs"): matrix})


def test_dependence_of_a_shifted_and_of_a_shared_feature():
    scanners = ["a"] * 6 + ["b"] * 6 + ["", "c"]
    shared = np.tile(np.arange(6.0), 2)
    matrix = np.column_stack(
        [np.append(shared + np.repeat([0, 100], 6), [0, 0]), np.append(shared, [0, 0]), np.append(shared, [0, 0])]
    )
    features = ("original_glcm_Idmn", "original_firstorder_Mean", "original_shape_Sphericity")
    (found,) = dependences(level_of(scanners, matrix, features))
    assert found.distances == {"original_glcm_Idmn": 1.0, "original_firstorder_Mean": 0.0}
    assert found.studies == 12
    assert {(row.test, row.correction): row.mean_count for row in found.rows}["ks", "none"] == 1.0


def test_one_scanner_has_no_dependence():
    assert dependences(level_of(["a"] * 9 + ["b"] * 2, np.zeros((11, 1)), ("original_glcm_Idmn",))) == ()
    assert usable_scanners(["b", "a", "b", "a", "b", "a", "b", "", "c"]) == ("b", "a")


def test_of_many_studies_some_of_every_scanner_are_tested(monkeypatch):
    monkeypatch.setattr(dependence, "MOST_TESTED", 40)
    scanners = ["a"] * 60 + ["b"] * 40 + ["rare"] * 4
    matrix = np.random.default_rng(0).normal(size=(104, 1)) + 10 * (np.array(scanners) == "b")[:, None]
    (found,), (again,) = (dependences(level_of(scanners, matrix, ("original_glcm_Idmn",))) for _ in range(2))
    assert found.studies == 23 + 15 + 3
    assert found.distances == again.distances
    assert found.distances["original_glcm_Idmn"] > 0.5


def test_kinds_of_labels():
    assert [kind_of_label(label) for label in (23, 123, 61, 223, 4000)] == ["vertebrae", "discs", "", "", ""]


def test_pace_counts_this_run_alone():
    now = [0.0]
    pace = Pace(100, before=40, clock=lambda: now[0])
    assert pace.told() == "40 of 100 studies"
    now[0] = 60.0
    for failed in (False,) * 9 + (True,):
        pace.ended(failed=failed)
    assert pace.told() == "50 of 100 studies, 1 failed, 10.0 a minute, 5 min left"
    assert pace.share == 0.5
    now[0] = 3600.0
    assert pace.told() == "50 of 100 studies, 1 failed, 10.0 an hour, 5.0 h left"
    assert [duration(seconds) for seconds in (5, 600, 7200, 864000)] == ["5 s", "10 min", "2.0 h", "10.0 days"]


@pytest.mark.parametrize(
    ("crew", "cores", "free_mb", "studies", "expected"),
    [
        (Crew(), 8, 64000, 100, (8, 1, 7200)),
        (Crew(), 8, 5000, 100, (3, 2, 1500)),
        (Crew(), 8, 64000, 2, (2, 4, 28800)),
        (Crew(workers=2), 8, 64000, 100, (2, 4, 28800)),
        (Crew(memory_mb=4000), 8, 10000, 100, (2, 4, 4000)),
        (Crew(), 1, 500, 10, (1, 1, 600)),
    ],
)
@pytest.mark.filterwarnings("ignore::spinemr.imaging.errors.ImagingWarning")
def test_processors_and_memory_are_shared_out(crew, cores, free_mb, studies, expected):
    found = plan(crew, cores, free_mb, studies)
    assert (found.workers, found.threads, found.memory_mb) == expected
    assert found.workers * found.threads <= max(cores, found.workers)


def test_more_workers_than_memory_are_warned_of():
    with pytest.warns(ImagingWarning, match="more memory than is free"):
        assert plan(Crew(workers=8), 8, 2000, 100).workers == 8


def test_crews_that_contradict_themselves_are_refused():
    with pytest.raises(InputError, match="has its own workers"):
        Crew(workers=2, scheduler="tcp://head:8786")
    with pytest.raises(InputError, match="600 MB or more"):
        Crew(memory_mb=100)

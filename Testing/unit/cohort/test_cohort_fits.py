"""What is fitted on a cohort's tables is what would be fitted on its images and features."""

from __future__ import annotations

import numpy as np
import pytest

from spinemr.cohort import fitting
from spinemr.cohort.fitting import combat_of_cohort, nyul_of_cohort, profile_of_cohort
from spinemr.cohort.record import read_record
from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image
from spinemr.radiomics.statistics.combat import fit
from spinemr.radiomics.table import FeatureTable
from spinemr.radiomics.table_files import read_table
from spinemr.radiomics.verdict.profile import make_profile, read_profile, write_profile

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def table(finished) -> FeatureTable:
    return read_table(finished / "features.parquet")


def folders(finished):
    return sorted((finished / "studies").iterdir())


def test_a_nyul_scale_is_that_of_the_images(finished):
    expected = fit_nyul(read_image(folder / "source.nii.gz") for folder in folders(finished))
    found = nyul_of_cohort(finished)
    assert found.images == expected.images == 10
    assert found.landmarks == pytest.approx(expected.landmarks)
    birch = fit_nyul(read_image(one / "source.nii.gz") for one in folders(finished) if read_record(one).scanner == "birch")
    assert nyul_of_cohort(finished, scanner="birch").landmarks == pytest.approx(birch.landmarks)
    with pytest.raises(InputError, match=r"No study is of the scanner cedar\. There are alder, birch"):
        nyul_of_cohort(finished, scanner="cedar")


def test_a_profile_is_that_of_the_features(finished, table, tmp_path):
    source = FeatureTable(tuple(row for row in table if row.image == "source"))
    looks = [(read_record(folder).scanner, read_record(folder).looks) for folder in folders(finished)]
    expected = make_profile(source, looks, name="mine")
    found = profile_of_cohort(finished, "mine")
    assert found.studies == expected.studies == 10
    assert found.as_dict()["features"] == expected.as_dict()["features"]
    assert found.appearances is not None
    assert found.appearances.as_dict() == expected.appearances.as_dict()
    write_profile(found, tmp_path / "profile.json")
    assert read_profile(tmp_path / "profile.json").features.keys() == found.features.keys()
    assert profile_of_cohort(finished, "few", group="well").appearances is None
    with pytest.raises(InputError, match="at least 3 studies, not 2"):
        profile_of_cohort(finished, "none", scanner="birch", group="ill")


def test_combat_is_that_of_the_rows_and_takes_the_scanner_out(finished, table):
    rows = [row for row in table if row.image == "source"]
    names = table.names
    matrix = np.array([[row.features.get(name, np.nan) for name in names] for row in rows])
    whole = np.isfinite(matrix).all(axis=0)
    kept = [name for name, use in zip(names, whole, strict=True) if use]
    scanners, structures = [row.scanner for row in rows], {"structure": [row.structure for row in rows]}
    expected = fit(matrix[:, whole], scanners, structures, kept)
    found = combat_of_cohort(finished)
    assert found == expected
    place = found.features.index("original_firstorder_Entropy")
    before, after = matrix[:, whole][:, place], found.apply(matrix[:, whole], scanners, structures)[:, place]
    alder = np.array(scanners) == "alder"
    gap = [abs(values[alder].mean() - values[~alder].mean()) for values in (before, after)]
    assert gap[1] < 0.05 * gap[0]


def test_combat_can_keep_groups_and_a_scanner_as_they_are(finished):
    found = combat_of_cohort(finished, reference="alder", keep_group=True)
    assert found.options.reference == "alder"
    assert [one.name for one in found.covariates] == ["structure", "group"]
    with pytest.raises(InputError, match="features of an image reference"):
        combat_of_cohort(finished, image="reference")


def test_large_cohorts_are_sampled_the_same_every_time(finished, monkeypatch):
    monkeypatch.setattr(fitting, "MOST_ROWS", 60)
    assert combat_of_cohort(finished) == combat_of_cohort(finished)
    monkeypatch.setattr(fitting, "MOST_LOOKS", 8)
    profile = profile_of_cohort(finished, "few")
    assert profile.made["appearances_of"] == 8
    assert profile.studies == 10

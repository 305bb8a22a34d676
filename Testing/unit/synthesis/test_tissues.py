from __future__ import annotations

from dataclasses import replace

import pytest

from spinemr.synthesis.tissues import PFIRRMANN_GRADES, TISSUES, at_field_strength, nucleus, water_share


def test_relaxation_times_are_those_of_the_published_lumbar_spine():
    published = {"csf": (4273, 1578, 107), "cord": (780, 102, 59), "marrow": (515, 101, 91)}
    for name, expected in published.items():
        tissue = TISSUES[name]
        assert (tissue.t1_ms, tissue.t2_ms, tissue.proton_density) == expected


def test_the_nucleus_loses_t2_with_its_grade():
    times = [nucleus(grade).t2_ms for grade in PFIRRMANN_GRADES]
    assert times[:4] == [210, 129, 84, 51]
    assert times == sorted(times, reverse=True)
    with pytest.raises(ValueError, match="Pfirrmann"):
        nucleus("VI")


def test_every_tissue_is_physically_possible():
    for tissue in TISSUES.values():
        assert 0 < tissue.t2_ms < tissue.t1_ms
        assert 0 <= tissue.proton_density <= 110
        assert 0 <= tissue.fat_fraction < 1
        assert (tissue.proton_density == 0) == tissue.is_void


def test_fields_lengthen_t1_of_tissue_but_not_of_fluid():
    muscle, csf = at_field_strength(TISSUES["muscle"], 3.0), at_field_strength(TISSUES["csf"], 3.0)
    assert muscle.t1_ms == pytest.approx(885 * 2 ** (0.33 - 0.04 * 0.13))
    assert muscle.t2_ms == pytest.approx(40 * 2**-0.1)
    assert muscle.t2_prime_ms == pytest.approx(40)
    assert csf.t1_ms == 4273
    assert at_field_strength(TISSUES["cord"], 1.5) == TISSUES["cord"]
    with pytest.raises(ValueError, match="positive"):
        at_field_strength(TISSUES["cord"], 0)


def test_taking_the_fat_out_of_marrow_leaves_longer_t1():
    fat = TISSUES["subcutaneous_fat"]
    t1, t2 = water_share(TISSUES["marrow"], fat)
    assert 0.55 * t1 + 0.45 * fat.t1_ms == pytest.approx(515)
    assert 0.55 * t2 + 0.45 * fat.t2_ms == pytest.approx(101)
    assert water_share(TISSUES["cord"], fat) == (780, 102)
    assert water_share(replace(fat, fat_fraction=1.0), fat) == (fat.t1_ms, fat.t2_ms)
    assert min(water_share(replace(fat, t2_ms=4.0, fat_fraction=0.9), fat)) == 1.0

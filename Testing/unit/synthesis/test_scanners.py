from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.synthesis.scanners import SCANNERS, PointSpread, random_scanner, scanner, scanner_for


def test_there_are_enough_scanners_of_every_kind():
    everyone = list(SCANNERS.values())
    assert len(everyone) >= 8
    assert len({one.style for one in everyone}) == 3
    assert {one.tesla for one in everyone} == {1.5, 3.0}
    assert {one.protocol.weighting for one in everyone} == {"t1", "t2", "pd", "stir", "flash", "t2 space"}


def test_names_say_style_field_and_weighting():
    for name, one in SCANNERS.items():
        style, field, weighting = name.split("-")
        assert (style, float(field.rstrip("t"))) == (one.style, one.tesla)
        assert one.protocol.weighting.endswith(weighting)


def test_the_styles_differ_in_how_they_reconstruct():
    by_style = {one.style: (one.point_spread, one.coil, one.output) for one in SCANNERS.values()}
    assert len(set(by_style.values())) == 3


def test_space_is_thin_and_contiguous():
    protocol = scanner_for("t2 space").protocol
    assert (protocol.slice_thickness_mm, protocol.slice_gap_mm) == (0.9, 0)


def test_a_scanner_is_found_in_any_case_and_by_weighting():
    assert scanner(" Alder-1.5T-T2 ") is SCANNERS["alder-1.5t-t2"]
    assert scanner_for("T1").protocol.weighting == "t1"


def test_unknown_names_get_the_list_of_known_ones():
    with pytest.raises(InputError, match=r"no simulated scanner 'gamma'.*alder-1.5t-t1"):
        scanner("gamma")
    with pytest.raises(InputError, match=r"contrast 'swi'.*flash"):
        scanner_for("swi")


def test_drawn_scanners_repeat_and_differ():
    drawn = [random_scanner(np.random.default_rng(seed)) for seed in range(200)]
    assert random_scanner(np.random.default_rng(11)) == drawn[11]
    assert len(set(drawn)) == 200
    assert {one.tesla for one in drawn} == {1.5, 3.0}
    assert {one.output.maximum for one in drawn} == {255, 1023, 4095, 32767}
    assert all(one.csf_flow == 0 for one in drawn if one.protocol.weighting == "flash")
    assert random_scanner(np.random.default_rng(0), "stir").protocol.weighting == "stir"


@pytest.mark.parametrize("changes", [{"tesla": 0.0}, {"tesla": 70.0}, {"snr": 0.0}, {"presaturation": 1.2}, {"csf_flow": -0.1}])
def test_impossible_scanners_are_refused(changes):
    with pytest.raises(InputError):
        replace(scanner_for("t1"), **changes)


@pytest.mark.parametrize("values", [(0.0, 0.5, 0.1), (1.2, 0.5, 0.1), (0.8, -0.1, 0.1), (0.8, 0.5, -1.0)])
def test_impossible_point_spreads_are_refused(values):
    with pytest.raises(InputError, match="acquired share"):
        PointSpread(*values)

"""Thousands of damaged, contradictory and absurd inputs: one clear sentence each, quickly, in little memory, without a trace."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

pytest.importorskip("pydicom")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux measures it")

from mutants.generator import COHORTS  # noqa: E402
from watcher import figures, findings, tried  # noqa: E402

FEW, MANY = 110, 2400
FEW_OF_COHORTS, MANY_OF_COHORTS = 60, 600


def _hold(numbers, folder, noted):
    results = list(tried(numbers, folder))
    broken = [one for result in results for one in findings(result)]
    noted("mutants", **{name: value for name, value in figures(results).items() if name != "findings"}, findings=len(broken))
    said = "\n".join(f"{one.number} ({one.name}): {one.what}\n    {one.words}\n    {one.said}" for one in broken)
    assert not broken, f"python Testing/reliability/try_mutants.py --only NUMBER --show\n{said}"
    return results


def test_a_hundred_mutants_break_nothing(tmp_path):
    results = _hold(range(FEW), tmp_path, lambda *_, **__: None)
    assert len(results) == FEW
    assert sum(result["code"] == 2 for result in results) > FEW / 2
    assert sum(result["code"] == 0 for result in results) > 0


@pytest.mark.slow
def test_thousands_of_mutants_break_nothing(tmp_path, noted):
    assert len(_hold(range(MANY), tmp_path, noted)) == MANY


@pytest.mark.parametrize("count", [FEW_OF_COHORTS, pytest.param(MANY_OF_COHORTS, marks=pytest.mark.slow)])
def test_mutants_of_cohorts_break_nothing(count, tmp_path, noted):
    pytest.importorskip("pyarrow")

    def note(_check, **figures):
        noted("mutants of cohorts", **figures)

    results = _hold(range(COHORTS, COHORTS + count), tmp_path, note)
    assert {result["code"] for result in results} == {0, 2}


@seed(20261121)
@settings(max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.data())
def test_reading_ends_in_an_image_or_in_a_sentence(seeds, tmp_path_factory, random: Random, data):
    """The readers alone, with changes that hypothesis makes smaller where one fails."""
    from mutants.byte_changes import BYTE_CHANGES

    from spinemr.imaging.errors import SpineMRError
    from spinemr.imaging.files import read_image

    ending = data.draw(st.sampled_from(sorted(seeds.images)))
    change = BYTE_CHANGES[data.draw(st.sampled_from(sorted(BYTE_CHANGES)))]
    path = Path(tmp_path_factory.mktemp("read")) / f"image{ending}"
    path.write_bytes(change(random, seeds.images[ending].read_bytes()))
    try:
        image = read_image(path)
    except SpineMRError:
        return
    assert image.GetDimension() == 3
    assert all(step > 0 for step in image.GetSpacing())


def test_a_number_is_always_the_same_mutant(seeds, tmp_path):
    from mutants.generator import mutant, recipes

    known = recipes()
    for number in (3, 400, 1999):
        one, again = (mutant(number, seeds, tmp_path / turn / str(number), known) for turn in "ab")
        assert one.name == again.name
        if one.changed.is_file():
            assert one.changed.read_bytes().replace(b"/a/", b"/b/") == again.changed.read_bytes()
    assert len({f"{recipe.kind}/{recipe.change}" for recipe in known}) > 450

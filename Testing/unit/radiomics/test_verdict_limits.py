from __future__ import annotations

import json
from importlib.resources import files

import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.verdict.finding import Outcome
from spinemr.radiomics.verdict.judge import RULES
from spinemr.radiomics.verdict.limits import Limit, default_limits, read_limits

ABOVE = Limit("x", "mm", "above", 1.0, 2.0, "here")
BELOW = Limit("x", "mm", "below", 0.5, None, "here")


@pytest.mark.parametrize(
    ("limit", "figure", "outcome", "value"),
    [
        (ABOVE, 1.0, Outcome.PASSED, 1.0),
        (ABOVE, 1.5, Outcome.REVIEW, 1.0),
        (ABOVE, 2.5, Outcome.DISTRUST, 2.0),
        (ABOVE, float("inf"), Outcome.DISTRUST, 2.0),
        (ABOVE, float("nan"), Outcome.REVIEW, 1.0),
        (BELOW, 0.5, Outcome.PASSED, 0.5),
        (BELOW, 0.1, Outcome.REVIEW, 0.5),
    ],
)
def test_figures_are_graded(limit, figure, outcome, value):
    assert limit.grade(figure) == (outcome, value)


def test_excess_is_the_share_beyond():
    assert ABOVE.excess(4.0, 2.0) == 0.5
    assert BELOW.excess(0.1, 0.5) == pytest.approx(0.8)
    assert ABOVE.excess(float("inf"), 2.0) == 1


def test_every_limit_is_used_and_says_where_it_comes_from():
    used = {name for rule in RULES for name in rule.limits}
    shipped = default_limits().limits
    assert used == set(shipped)
    for limit in shipped.values():
        assert len(limit.origin) > 20 and limit.unit
        steps = [value for value in (limit.review, limit.do_not_trust) if value is not None]
        assert steps
        if len(steps) == 2:
            assert (steps[0] < steps[1]) == (limit.worse == "above")


def test_the_guide_shows_every_limit_as_it_is(repository):
    guide = (repository / "docs" / "verdict.md").read_text(encoding="utf-8")
    for limit in default_limits().limits.values():
        steps = ["-" if value is None else f"{value:g}" for value in (limit.review, limit.do_not_trust)]
        assert f"| `{limit.name}` | {limit.unit} | {limit.worse} | {' | '.join(steps)} | {limit.origin} |" in guide
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.title} |" in guide


def test_limits_of_ones_own_replace_some(tmp_path):
    text = files("spinemr.radiomics.verdict").joinpath("data", "limits.json").read_text(encoding="utf-8")
    shipped = json.loads(text)
    own = {**shipped, "version": 9, "limits": {"slices": {**shipped["limits"]["slices"], "review": 20, "origin": "our protocol"}}}
    path = tmp_path / "own.json"
    path.write_text(json.dumps(own), encoding="utf-8")
    limits = read_limits(path)
    assert limits["slices"].review == 20 and limits["slices"].origin == "our protocol"
    assert limits["level_order"] == default_limits()["level_order"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 7},
        {"limits": {"nothing": {"review": 1, "do_not_trust": None, "worse": "above", "unit": "", "origin": ""}}},
        {"limits": {"slices": {"review": 1, "do_not_trust": None, "worse": "above", "unit": "slices", "origin": ""}}},
        {"limits": {"slices": {"review": "many", "do_not_trust": None, "worse": "below", "unit": "slices", "origin": ""}}},
        {"limits": {"slices": {"review": 1}}},
        {"limits": 3},
    ],
)
def test_bad_limits_are_refused_in_a_sentence(tmp_path, change):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"format": 1, "version": 2, "limits": {}, **change}), encoding="utf-8")
    with pytest.raises(InputError):
        read_limits(path)


def test_files_that_are_not_there_or_no_json(tmp_path):
    with pytest.raises(InputError, match="Cannot read"):
        read_limits(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        read_limits(tmp_path / "x.json")

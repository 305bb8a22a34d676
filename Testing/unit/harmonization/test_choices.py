"""What can be chosen for harmonization, and what a choice needs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from spinemr.harmonization import choices
from spinemr.harmonization.registry import METHODS
from spinemr.imaging.errors import InputError


@pytest.fixture
def shipped(monkeypatch) -> None:
    """A CycleGAN that ships with two references."""
    found = [SimpleNamespace(method="cyclegan", target=SimpleNamespace(name=name)) for name in ("t2 site a", "t1 site b")]
    monkeypatch.setattr(choices, "shipped_references", lambda method=None: found if method in (None, "cyclegan") else [])


def test_every_method_is_offered_once_with_a_title_the_easiest_first():
    names = choices.method_names()
    assert names[0] == "auto" and sorted(names[1:]) == sorted(METHODS)
    assert set(names) == set(choices.TITLES)
    assert names[1:3] == ["zscore", "whitestripe"] and {*names[3:5]} == {"nyul", "histogram"}


def test_what_methods_take():
    assert [name for name in METHODS if choices.takes_images(name)] == ["nyul", "histogram"]
    assert [name for name in METHODS if choices.is_trained(name)] == ["cyclegan", "harmonae"]
    assert [name for name in choices.method_names() if not choices.takes_file(name)] == ["zscore", "whitestripe"]


@pytest.mark.usefixtures("shipped")
def test_targets_are_those_of_shipped_networks_and_scales():
    assert choices.target_names("cyclegan") == ["t2 site a", "t1 site b"]
    assert choices.target_names("auto") == choices.target_names("nyul") == ["t1", "t2"]
    assert choices.target_names("harmonae") == choices.target_names("zscore") == []


@pytest.mark.usefixtures("shipped")
def test_a_reference_goes_before_a_target(tmp_path):
    assert choices.target_of("cyclegan", "t1 site b", tmp_path) == str(tmp_path)
    assert choices.target_of("cyclegan", "t1 site b", None) == "t1 site b"
    assert choices.target_of("cyclegan", "of another method", None) is None
    assert choices.target_of("zscore", "", tmp_path) is None
    assert choices.target_of("none", "", Path("left over")) is None


@pytest.mark.usefixtures("shipped")
def test_what_cannot_start_without_a_reference_is_refused(tmp_path):
    with pytest.raises(InputError, match="needs a reference"):
        choices.target_of("histogram", "", None)
    assert (choices.target_of("nyul", "", None), choices.target_of("nyul", "t2", None)) == (None, "t2")
    with pytest.raises(InputError, match="No trained network"):
        choices.target_of("harmonae", "", None)
    assert choices.target_of("nyul", "", tmp_path) == str(tmp_path)

"""The file that describes a run of harmonization: defaults as published, and sentences for what is wrong."""

import json
from pathlib import Path

import pytest

from spinemr.harmonization.training.config import config_from, read_config
from spinemr.harmonization.training.settings import Adam, CycleWeights
from spinemr.imaging.errors import InputError

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
DRAWN = [{"kind": "drawn", "scanners": ["alder-1.5t-t1"]}]
TWO = [{"name": "source", "sources": DRAWN}, {"name": "target", "sources": DRAWN}]
COUNTING = ("adversarial", "cycle", "identity", "dice_target", "dice_source", "radiomics")
PLAIN = {"method": "cyclegan", "target": "target", "domains": TWO, "cyclegan": {"teachers": {"model": "balanced"}}}


def test_defaults_are_those_of_the_paper():
    config = config_from(PLAIN)
    settings = config.cycle_gan
    weights = dict(vars(settings.terms))
    assert weights == {
        "adversarial": 10, "cycle": 10, "identity": 10, "dice_target": 20, "dice_source": 10,
        "dice_identity": 1, "dice_cycle": 1, "dice_harmonization": 1, "radiomics": 10, "paired": 0,
    }  # fmt: skip
    assert (settings.pool, config.batch_size, config.grid.rows, config.grid.columns) == (50, 4, 320, 320)
    assert settings.radiomics.columns_share * config.grid.columns == 120
    assert (config.optimizer.beta1, config.optimizer.beta2, settings.teachers.source_starts) == (0.5, 0.999, "untrained")
    assert (config.inputs, config.target_index) == (1, 1)
    assert config_from(config.as_dict()) == config


def test_the_comparator_has_neither_segmentation_nor_radiomics():
    settings = config_from({**PLAIN, "cyclegan": {"variant": "modanwal"}}).cycle_gan
    assert settings.terms == CycleWeights(dice_target=0, dice_source=0, radiomics=0)
    assert not settings.terms.segments
    assert not CycleWeights(dice_identity=0, dice_cycle=0, dice_harmonization=0).segments
    assert not CycleWeights(dice_target=20, dice_source=0, dice_identity=0, dice_cycle=0).segments


def test_the_rate_stays_and_then_falls_to_nothing():
    rates = [Adam(decay_from=0.5).rate(step, 10) for step in range(10)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
    assert Adam(decay_from=1.0).rate(9, 10) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "gan"}, "no method"),
        ({"target": "other"}, "no domain 'other'"),
        ({"domains": TWO[:1]}, "at least two domains"),
        ({"domains": [*TWO, {"name": "third", "sources": DRAWN}]}, "has two domains"),
        ({"harmonae": {}}, "no settings of harmonae"),
        ({"cyclegan": None}, "needs the settings"),
        ({"cyclegan": {}}, "Dice losses need a segmentation network"),
        ({"cyclegan": {"weights": {"dice_target": 0.0, "dice_source": 0.0}, "radiomics": {"region": "mask"}}}, "'mask'"),
        ({"cyclegan": {"variant": "wasserstein"}}, "no variant"),
        ({"cyclegan": {"variant": "modanwal", "generator": {"depth": 3}}}, "no option of this network"),
        ({"cyclegan": {"variant": "modanwal", "weights": {"cycle": -1.0}}}, "at least 0"),
        ({"cyclegan": {"weights": dict.fromkeys(COUNTING, 0.0)}}, "has to weigh something"),
        ({"grid": {"rows": 30}}, "at least 32 rows"),
        ({"grid": {"rows": 34}}, "multiples of 4"),
        ({"geometry": {"mirrored": 2.0}}, "from 0 to 1"),
        ({"pairs": {"target": "alder-1.5t-t1"}}, "source scanners and a target"),
        ({"domains": [TWO[0], {"name": "two", "sources": [{"kind": "drawn", "scanners": ["nobody"]}]}]}, "no simulated scanner"),
        ({"domains": [TWO[0], {"name": "target", "sources": [{"kind": "folder"}]}]}, "need a path"),
        ({"domains": [TWO[0], {"name": "target", "sources": [{"kind": "drawn"}]}]}, "names its scanners"),
        ({"optimizer": {"learning_rate": 0.0}}, "Learning rates"),
        ({"scale": "pd"}, "No scale 'pd' ships"),
        ({"precision": "fp8"}, "no precision"),
        ({"stepps": 3}, "no setting 'stepps'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        config_from({**PLAIN, **changes})


def test_the_number_of_scanners_is_that_of_the_domains():
    with pytest.raises(InputError, match="that of the domains"):
        config_from({"method": "harmonae", "target": "target", "domains": TWO, "harmonae": {"network": {"scanners": 3}}})


def test_paths_are_relative_to_the_file(tmp_path):
    sources = [{"kind": "folder", "path": "images"}]
    domains = [TWO[0], {"name": "target", "sources": sources}]
    run = {**PLAIN, "domains": domains, "cyclegan": {"teachers": {"model": "seg/best.pt"}}}
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    config = read_config(tmp_path / "run.json")
    assert config.domains[1].sources[0].path == str(tmp_path / "images")
    assert config.cycle_gan.teachers.model == str(tmp_path / "seg" / "best.pt")
    (tmp_path / "run.json").write_text(json.dumps(PLAIN), encoding="utf-8")
    assert read_config(tmp_path / "run.json").cycle_gan.teachers.model == "balanced"


def test_recipes_are_runs_of_drawn_images_alone():
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    for name in ("cyclegan_t1", "harmonae_t1", "modanwal_t1"):
        config = read_config(RECIPES / f"harmonization_{name}.yaml")
        assert {source.kind for domain in config.domains for source in domain.sources} == {"drawn"}
        assert config.pairs.target


@pytest.mark.parametrize("contrast", ["t1", "t2"])
def test_recipes_of_what_ships_know_the_truth_and_lie_on_their_scale(contrast):
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    config = read_config(RECIPES / f"harmonization_reference_{contrast}.yaml")
    assert config.target == config.scale == contrast
    assert config.domains[0].sources[0].rescanned == 1 and config.pairs.path.endswith("packed.npz")
    assert config.cycle_gan.terms.paired > 0

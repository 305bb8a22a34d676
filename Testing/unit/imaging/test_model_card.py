from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.model_card import ModelCard, model_folders, shipped_model, shipped_models

CARD = {
    "name": "spine-2d",
    "title": "Lumbar spine, slice by slice",
    "version": "1.0",
    "task": "segmentation",
    "licence": "Apache-2.0",
    "intended_use": "Research on sagittal lumbar MRI.",
    "limits": "Not for diagnosis.",
    "recipe": "configs/spine-2d.yaml",
    "commit": "0123abc",
    "input": {"pixel_mm": 1.1, "multiple": 16, "percentiles": [0.5, 99.5]},
    "files": [{"format": "onnx", "path": "spine-2d.onnx", "sha256": "ab" * 32}],
    "training_data": [{"name": "Drawn studies", "licence": "Apache-2.0", "citation": "SpineMR", "n": 1000}],
    "metrics": [{"name": "DSC of discs", "value": 0.91, "ci95": [0.9, 0.92], "n": 31, "data": "held-out subjects"}],
}


def write(folder: Path, content: object) -> Path:
    path = folder / "spine-2d.card.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(*route: str | int, to: object) -> dict:
    """The card with one field changed, or removed where ``to`` is ``...``."""
    card = copy.deepcopy(CARD)
    place = card
    for step in route[:-1]:
        place = place[step]
    if to is ...:
        del place[route[-1]]
    else:
        place[route[-1]] = to
    return card


def test_a_card_comes_back_as_it_was_written(tmp_path):
    card = ModelCard.read(write(tmp_path, CARD))
    assert json.loads(json.dumps(card.as_dict())) == CARD
    assert card.files[0].path == "spine-2d.onnx"
    assert card.metrics[0].sentence() == "DSC of discs 0.91 (95 % CI 0.9 to 0.92, n = 31, held-out subjects)"


def full_card() -> dict:
    """A card with everything that may be said."""
    card = changed("input", "patch", to={"slices": 32, "rows": 80, "columns": 80, "slice_mm": 2.2})
    small = {"format": "int8-onnx", "path": "small.onnx", "sha256": "cd" * 32, "metrics": CARD["metrics"], "speed_up": 2.5}
    return {**card, "files": [*CARD["files"], small], "remarks": ["The small one was kept."]}


def test_what_may_be_said_besides_comes_back_too(tmp_path):
    card = ModelCard.read(write(tmp_path, full_card()))
    assert json.loads(json.dumps(card.as_dict())) == full_card()
    assert (card.files[1].speed_up, card.files[1].metrics[0].n, card.input.patch.slice_mm) == (2.5, 31, 2.2)


@pytest.mark.parametrize(
    ("route", "value", "said"),
    [
        (("remarks",), "text", "remarks"),
        (("remarks",), [" "], "remarks"),
        (("files", 1, "speed_up"), "fast", "speed_up"),
        (("files", 1, "metrics"), [], "metrics"),
        (("input", "patch"), 32, "patch"),
        (("input", "patch", "slices"), 0, "slices is not a count"),
        (("input", "patch", "slice_mm"), 0, "slice_mm"),
    ],
)
def test_what_may_be_said_besides_has_to_be_right(tmp_path, route, value, said):
    card = full_card()
    place = card
    for step in route[:-1]:
        place = place[step]
    place[route[-1]] = value
    with pytest.raises(InputError, match=said):
        ModelCard.read(write(tmp_path, card))


@pytest.mark.parametrize("field", sorted(CARD))
def test_every_field_is_required(tmp_path, field):
    with pytest.raises(InputError, match=rf"spine-2d.card.json is not valid: {field} "):
        ModelCard.read(write(tmp_path, changed(field, to=...)))


@pytest.mark.parametrize("field", sorted({"name", "title", "licence", "limits"}))
def test_blank_texts_and_numbers_in_their_place_are_refused(tmp_path, field):
    for value in ("", "  ", 7, None):
        with pytest.raises(InputError, match=field):
            ModelCard.read(write(tmp_path, changed(field, to=value)))


@pytest.mark.parametrize(
    ("route", "value", "said"),
    [
        (("task",), "diagnosis", "task is not one of"),
        (("name",), "../evil", "name may hold"),
        (("files",), [], "files is not a list with at least one entry"),
        (("files", 0, "path"), "../weights.onnx", "path has to be the name of a file beside the card"),
        (("files", 0, "path"), "c:\\weights.onnx", "path has to be"),
        (("files", 0, "sha256"), "AB" * 32, "sha256 is not a SHA-256"),
        (("files",), ["weights.onnx"], "an entry of files is not an object"),
        (("training_data", 0, "citation"), ..., "citation is missing"),
        (("training_data", 0, "n"), 0, "n is not a count"),
        (("training_data", 0, "n"), True, "n is not a count"),
        (("metrics", 0, "n"), ..., "n is not a count"),
        (("metrics", 0, "value"), "high", "value is missing or not a number"),
        (("metrics", 0, "ci95"), [0.9], "ci95 is not a pair"),
        (("metrics", 0, "ci95"), [0.95, 0.99], "ci95 does not contain the value"),
        (("metrics", 0, "ci95"), [0.9, None], "ci95 is missing or not a number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, route, value, said):
    with pytest.raises(InputError, match=said):
        ModelCard.read(write(tmp_path, changed(*route, to=value)))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"'])
def test_what_is_no_card_at_all_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"cannot be read|is not an object"):
        ModelCard.read(write(tmp_path, content))
    with pytest.raises(InputError, match="cannot be read"):
        ModelCard.read(tmp_path / "absent.card.json")


def test_folders_are_searched_and_broken_cards_left_out_with_a_note(tmp_path):
    write(tmp_path, CARD)
    (tmp_path / "broken.card.json").write_text("{", encoding="utf-8")
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    with pytest.warns(ImagingWarning, match=r"broken\.card\.json cannot be read"):
        cards = shipped_models([tmp_path / "absent", tmp_path])
    assert [card.name for card in cards] == ["spine-2d"]


def test_a_model_is_found_by_name(tmp_path):
    write(tmp_path, CARD)
    assert shipped_model("spine-2d", [tmp_path]).title == CARD["title"]
    with pytest.raises(InputError, match="There are: spine-2d"):
        shipped_model("other", [tmp_path])
    with pytest.raises(InputError, match="No models come"):
        shipped_model("other", [])


def test_the_installation_is_searched_where_its_packages_lie():
    import spinemr.segmentation

    assert Path(spinemr.segmentation.__file__).parent / "models" in model_folders()


def test_the_cards_that_ship_are_valid_and_their_weights_are_there():
    for folder in model_folders():
        for path in folder.glob("*.card.json"):
            for file in ModelCard.read(path).files:
                assert (folder / file.path).is_file()


def test_the_documented_example_is_valid_and_every_field_is_documented(tmp_path, repository):
    text = (repository / "docs" / "model_cards.md").read_text(encoding="utf-8")
    example = text.partition("```json\n")[2].partition("```")[0]
    assert ModelCard.read(write(tmp_path, example)).name == "spine-2d"
    assert all(f"| `{field}` |" in text for field in CARD)


HARMONIZER = {
    "method": "harmonae",
    "slices": 3,
    "targets": [{"name": "alder", "contrast": "t1", "code": [1.0, 0.0]}, {"name": "cedar", "contrast": "", "code": [0.0, 1.0]}],
}


def test_a_card_of_a_harmonizer_is_read_and_written_back(tmp_path):
    path = tmp_path / "a.card.json"
    path.write_text(json.dumps({**CARD, "task": "harmonization", "harmonizer": HARMONIZER}), encoding="utf-8")
    card = ModelCard.read(path)
    assert card.harmonizer.targets[0].code == (1.0, 0.0) and card.harmonizer.slices == 3
    path.write_text(json.dumps(card.as_dict()), encoding="utf-8")
    assert ModelCard.read(path) == card


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slices": 2}, "slices is not odd"),
        ({"method": ""}, "method is missing"),
        ({"targets": []}, "targets is not a list"),
        ({"targets": [{"name": "a", "contrast": "pd"}]}, "contrast is neither t1 nor t2 nor empty"),
        ({"scale": "pd"}, "scale is neither t1 nor t2 nor empty"),
        ({"targets": [{"name": "a", "code": [1.0]}, {"name": "b"}]}, "codes of different lengths"),
        ({"targets": [{"name": "a"}, {"name": "a"}]}, "the same name"),
        ({"targets": [{"name": "a", "code": "10"}]}, "code is not a list of numbers"),
        ({"targets": [{"name": "a", "code": ["x"]}]}, "code is missing or not a number"),
    ],
)
def test_what_is_wrong_with_a_harmonizer_is_said(tmp_path, changes, said):
    path = tmp_path / "a.card.json"
    path.write_text(json.dumps({**CARD, "task": "harmonization", "harmonizer": {**HARMONIZER, **changes}}), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        ModelCard.read(path)


def test_a_model_for_harmonization_needs_to_say_what_it_gives(tmp_path):
    path = tmp_path / "a.card.json"
    path.write_text(json.dumps({**CARD, "task": "harmonization"}), encoding="utf-8")
    with pytest.raises(InputError, match="harmonizer is not an object"):
        ModelCard.read(path)

"""Networks of volumes: what they are shown, how patches become a study again, and that one of them learns."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.model_card import ModelInput, PatchInput
from spinemr.segmentation.classes import ANYTHING, STRUCTURES, NetworkClass, set_table
from spinemr.segmentation.inference.patches import VolumeGrid, gaussian_weights, slide, starts
from spinemr.segmentation.inference.predict import predict
from spinemr.segmentation.training import volumes
from spinemr.segmentation.training.config import PatchSettings, config_from, read_config
from spinemr.segmentation.training.data import DataOf, Mixture, volume_source
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet, read_packed, write_packed
from spinemr.segmentation.training.volumes import DrawnPieces, RealPieces, drawn_piece, volumes_of
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.scanners import SCANNERS

VIEW = PatchSettings(16, 48, 48, 2.0, 3.0)
TINY_3D = {
    "seed": 2,
    "steps": 2,
    "batch_size": 2,
    "network": {"name": "basic-unet-3d", "options": {"features": [8, 8, 16, 16, 32, 8], "dropout": 0.0}},
    "patch": {"slices": 16, "rows": 48, "columns": 48, "pixel_mm": 2.0, "slice_mm": 3.0},
    "optimizer": {"learning_rate": 0.003, "warm_up_steps": 5, "ema_decay": 0.9},
    "sources": [{"kind": "drawn", "share": 1}],
    "augment": False,
    "precision": "fp32",
    "threads": 1,
}


class Brightness:
    """Class 1 is as likely as a voxel is bright."""

    device = "cpu"

    def __init__(self):
        self.shapes = []

    def __call__(self, images):
        self.shapes.append(images.shape)
        return np.concatenate([1 - images, images], axis=1)


class EdgesLie(Brightness):
    """Right in the middle of what it is shown, wrong at its faces, as networks are."""

    def __call__(self, images):
        shares = super().__call__(images)
        for axis in (2, 3, 4):
            for face in (0, -1):
                index = [slice(None)] * 5
                index[axis] = face
                shares[tuple(index)] = 0.5
        return shares


def test_patches_lie_half_a_patch_apart_and_end_at_the_end():
    assert starts(80, 80) == [0]
    assert starts(100, 80) == [0, 20]
    assert starts(160, 80) == [0, 40, 80]
    assert starts(170, 80) == [0, 40, 80, 90]


def test_weights_are_gaussian_with_an_eighth_of_the_patch():
    weights = gaussian_weights((16, 24, 32))
    assert weights[7, 11, 15] == weights[8, 12, 16] == weights.max()
    one_deviation = weights[8 + 2, 12, 16] / weights[8, 12, 16]  # 2.5 and 0.5 voxels from the middle, deviation 2
    assert one_deviation == pytest.approx(np.exp(-(2.5**2 - 0.5**2) / 8), rel=1e-5)
    assert weights.min() > 1e-11


@pytest.mark.parametrize("shape", [(20, 30, 41), (16, 24, 24), (5, 60, 10)])
def test_a_network_that_is_right_everywhere_leaves_no_seams(shape):
    volume = np.random.default_rng(0).random(shape, dtype=np.float32)
    network = Brightness()
    shares = slide(volume, (16, 24, 24), network)
    assert shares.shape == (2, *shape)
    np.testing.assert_allclose(shares[1], volume, atol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)
    assert set(network.shapes) == {(1, 1, 16, 24, 24)}


def test_what_is_wrong_at_the_faces_of_patches_hardly_shows():
    volume = np.ones((16, 48, 48), np.float32)
    shares = slide(volume, (16, 24, 24), EdgesLie())[1]
    inner = shares[1:-1, 1:-1, 1:-1]
    assert inner.min() > 0.97  # a plain mean would give 0.75 along every seam
    assert shares[0, 0, 0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("source_mm", "slices"), [(4.4, 9), (0.9, 20), (2.2, 1), (1.7, 5)])
def test_volumes_go_to_the_networks_voxels_and_back(source_mm, slices):
    labels = np.zeros((slices, 40, 30), np.uint8)
    labels[slices // 3 : slices - slices // 3, 10:25, 8:20] = 1
    grid = VolumeGrid(labels.shape, (source_mm, 1.0, 1.0), 0.7, 2.2)
    assert (grid.slices, grid.plane.size) == (int(np.ceil(slices * source_mm / 2.2 - 1e-6)), (58, 43))
    seen = grid.to_grid(labels)
    assert seen.shape == grid.labels_to_grid(labels).shape == (grid.slices, 58, 43)
    assert seen.sum() * 0.49 * 2.2 == pytest.approx(labels.sum() * source_mm, rel=0.2)
    found = list(grid.back(np.stack([1 - seen, seen])))
    assert len(found) == slices
    back = np.stack([classes for classes, _ in found])
    assert (back == labels).mean() > (0.99 if source_mm >= 2.2 else 0.95)
    assert min(float(sure.min()) for _, sure in found) >= 0.45


def test_a_study_of_any_orientation_is_looked_at_in_patches():
    array = np.zeros((9, 60, 50), np.float32)
    array[3:7, 20:40, 15:35] = 1
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.0, 4.0))
    image.SetDirection((0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    settings = ModelInput(1.0, 16, (0.0, 100.0), PatchInput(16, 48, 32, 2.0))
    for flip in (False, True):
        seen = predict(image, Brightness(), settings, flip_average=flip)
        back = sitk.GetArrayFromImage(seen.frame.back_from_array(seen.classes))
        np.testing.assert_array_equal(back[:, 2:-2], array[:, 2:-2])


def stacked_set(count=2, split=TRAIN, slice_mm=3.0):
    """Stacks of drawn spines, each of a subject of its own."""
    rng, slices = np.random.default_rng([7, split == VALIDATION]), []
    for subject in range(count):
        spine = draw_spine(int(rng.integers(1 << 40)), None)
        for _ in range(2):
            piece = drawn_piece(spine, rng, VIEW)
            pixels = np.rint(np.clip(piece.image, 0, 1) * 255).astype(np.uint8)
            for plane, codes in zip(pixels, piece.labels, strict=True):
                slices.append(LabelledSlice(plane, codes, f"{split} {subject}", 2.0, split, f"{len(slices) // 16}", slice_mm))
    return SliceSet("stacks", tuple(slices), set_table(STRUCTURES), ("vertebra", "disc"))


def test_stacks_survive_packing_and_become_volumes(tmp_path):
    write_packed([stacked_set()], tmp_path / "packed.npz")
    (found,) = read_packed(tmp_path / "packed.npz")
    stacks = volumes_of(found)
    assert [volume.subject for volume in stacks] == ["train 0", "train 0", "train 1", "train 1"]
    assert {volume.size for volume in stacks} == {(16, 60, 60)}
    assert stacks[0].spacing_mm == (3.0, 2.0, 2.0)
    np.testing.assert_array_equal(stacks[1].image[3], found.slices[19].image)
    coarse = stacks[0].at_voxels(PatchSettings(16, 48, 48, 4.0, 6.0))
    assert coarse.size == (8, 30, 30)
    assert (coarse.codes > 0).mean() == pytest.approx((stacks[0].codes > 0).mean(), abs=0.02)
    assert len(found.thinned_stacks(40).stacks) == 2
    assert len(found.thinned_stacks(1).stacks) == 1


def test_stacks_without_a_distance_or_of_several_sizes_are_refused():
    found = stacked_set(1, slice_mm=0.0)
    with pytest.raises(InputError, match="how far"):
        volumes_of(found)
    assert volumes_of(found.spaced(2.5))[0].spacing_mm[0] == 2.5
    odd = replace(found.slices[1], image=np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="make no volume"):
        volumes_of(replace(found, slices=(found.slices[0], odd)).spaced(1.0))


def test_pieces_come_from_labelled_places_and_fit_the_patch():
    found = stacked_set()
    pieces = list(RealPieces.of(found, VIEW)(12, np.random.default_rng(0)))
    assert {piece.shape for piece in pieces} == {(16, 60, 60)}
    small = replace(VIEW, rows=16, columns=16)
    near = list(RealPieces.of(found, small)(30, np.random.default_rng(0)))
    assert {piece.shape for piece in near} == {(16, 20, 20)}
    assert sum(piece.labels.any() for piece in near) >= 20
    batch = Mixture((volume_source(found, 1.0, VIEW, augment=True),), VIEW, 3, 0, 9)[4]
    assert batch.images.shape == (3, 1, 16, 48, 48)
    assert batch.sets.shape == (3, 16, 48, 48)
    assert batch.images.dtype == np.float32
    assert ((batch.sets > 0) & (batch.sets <= ANYTHING)).all()


def test_drawn_pieces_hold_a_spine_and_repeat_with_their_seed():
    one, two = (list(DrawnPieces(VIEW)(3, np.random.default_rng(1))) for _ in range(2))
    for piece, again in zip(one, two, strict=True):
        np.testing.assert_array_equal(piece.image, again.image)
        assert piece.spacing_mm == (3.0, 2.0, 2.0)
        assert 0 <= piece.image.min() < piece.image.max() == 1
    assert sum((piece.labels > 0).mean() > 0.03 for piece in one) >= 2
    assert one[0].labels.any(axis=(1, 2)).sum() > 4  # many slices


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patch": None}, "it takes a patch"),
        ({"grid": {"rows": 64, "columns": 64}}, "not both"),
        ({"patch": {"slices": 20}}, "multiples of 16"),
        ({"patch": {"pixel_mm": 0}}, "0.2 to 20"),
        ({"patch": 3}, "names and values"),
        ({"network": {"name": "plain-unet"}}, "works slice by slice"),
        ({"sources": [{"kind": "packed", "path": "x", "share": 1, "remove_blank_slices": True}]}, "Blank slices"),
        ({"sources": [{"kind": "drawn", "share": 1, "slice_mm": -1}]}, "cannot be negative"),
    ],
)
def test_impossible_runs_on_volumes_are_refused(changes, said):
    with pytest.raises(InputError) as caught:
        config_from({**TINY_3D, **changes})
    assert said in str(caught.value)


def test_the_patch_of_the_paper_is_the_default_and_survives_its_file():
    config = config_from({"sources": [{"kind": "drawn", "share": 1}], "network": {"name": "basic-unet-3d"}, "patch": {}})
    assert (config.patch.size, config.patch.pixel_mm, config.patch.slice_mm) == ((32, 80, 80), 0.7, 2.2)
    assert config_from(json.loads(json.dumps(config.as_dict()))) == config


def test_the_published_recipe_can_be_read(repository):
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    config = read_config(repository / "docs" / "recipes" / "arias_martinez_2024.yaml")
    assert (config.patch, config.batch_size, config.optimizer.learning_rate) == (PatchSettings(), 40, 1e-4)


def packed_3d(folder, **changes):
    sets = stacked_set(6), stacked_set(2, VALIDATION)
    write_packed([replace(sets[0], slices=sets[0].slices + sets[1].slices)], folder / "packed.npz")
    return config_from({**TINY_3D, "sources": [{"kind": "packed", "share": 1, "path": str(folder / "packed.npz")}], **changes})


@pytest.fixture
def torch():
    found = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)
    pytest.importorskip("monai", reason="MONAI is not installed")
    before = found.get_num_threads()
    found.set_num_threads(1)
    yield found
    found.set_num_threads(before)


def test_dice_is_counted_over_whole_volumes(torch):
    from spinemr.segmentation.training.validation import dice_of

    class Oracle(torch.nn.Module):
        def forward(self, image):
            logits = torch.zeros(len(image), len(NetworkClass), *image.shape[2:])
            logits[:, NetworkClass.DISC] = 20 * (image[:, 0] > 0.5) - 10
            return logits

    image = np.zeros((60, 60), np.uint8)
    image[20:40] = 255
    half = (image // 255) * 120
    half[30:] = 0
    truths = [half] * 8 + [image // 255 * 120] * 8
    slices = tuple(LabelledSlice(image, truth, "A", 2.0, VALIDATION, slice_mm=3.0) for truth in truths)
    (scores,) = dice_of(Oracle(), [SliceSet("told", slices, set_table(STRUCTURES), ("disc",))], VIEW)
    assert scores.of_subjects["disc"] == (pytest.approx(2 * 30 / (40 + 30)),)  # rows of 20 and 20 found, 10 and 20 true


@pytest.mark.slow
def test_a_network_of_volumes_learns_and_ships(torch, tmp_path, monkeypatch):
    for package in ("onnxscript", "safetensors", "openvino"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from spinemr.segmentation.inference.model import open_model, torch_network
    from spinemr.segmentation.training.export import export
    from spinemr.segmentation.training.loop import train

    monkeypatch.setattr(volumes, "MIXTURE_SHARE", 0.0)
    monkeypatch.setattr(volumes, "random_scanner", lambda _: SCANNERS["alder-1.5t-t2"])
    optimizer = {"learning_rate": 0.008, "warm_up_steps": 5, "ema_decay": 0.9}
    config = packed_3d(tmp_path, steps=90, validate_every=30, checkpoint_every=90, optimizer=optimizer)
    outcome = train(config, tmp_path / "run")
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    losses, dices = [row["loss"] for row in rows], [row["mean_dice"] for row in rows]
    assert losses[0] > losses[1] > losses[2]
    assert np.mean(outcome.losses[-10:]) < 0.7 * np.mean(outcome.losses[:10])
    assert dices[-1] > dices[0] + 0.1
    assert dices[-1] > 0.45
    card = export(outcome.best, tmp_path / "models", name="deep")
    assert card.input == ModelInput(2.0, 16, patch=PatchInput(16, 48, 48, 3.0))
    path = str(tmp_path / "models" / "deep.card.json")
    opened = open_model(path, "cpu", threads=1)
    patch = np.random.default_rng(0).random((2, 1, 16, 48, 48), dtype=np.float32)
    with torch.inference_mode():
        wanted = torch_network(path).eval()(torch.from_numpy(patch)).softmax(dim=1).numpy()
    np.testing.assert_allclose(opened.runtime(patch), wanted, atol=1e-4)
    volume = volumes_of(stacked_set(1, VALIDATION))[0]
    image = sitk.GetImageFromArray(volume.image)
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetDirection((0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    classes = predict(image, opened.runtime, opened.card.input).classes
    assert classes.shape == volume.size
    assert {int(NetworkClass.BODY), int(NetworkClass.DISC)} <= set(np.unique(classes).tolist())


def test_a_run_on_drawn_pieces_opens(tmp_path):
    data = DataOf(config_from(TINY_3D)).open()
    assert data.mixture[0].images.shape == (2, 1, 16, 48, 48)
    mixed = packed_3d(tmp_path)
    assert [found.name for found in DataOf(mixed).open().validation] == ["stacks"]

"""Images of a run: where they come from, and that they are moved and never changed in appearance."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.training import domains
from spinemr.harmonization.training.domains import Batches, DomainImages, open_domains
from spinemr.harmonization.training.pairs import draw_true_pairs, nearness, true_pairs
from spinemr.harmonization.training.rescan import rescanned
from spinemr.harmonization.training.settings import Geometry, Grid, ImageSource, Pairs
from spinemr.harmonization.training.stacks import Stack, on_scale, read_stacks
from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import STRUCTURES, set_table
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet, write_packed

STILL = Geometry(rotation_deg=0.0, shift_mm=0.0, scale=0.0, mirrored=0.0)


def flat(value, slices=1, size=40):
    return Stack(np.full((slices, size, size), value, np.uint8), str(value))


def two_domains():
    return DomainImages("a", ((flat(10), flat(20)), (flat(30),)), (1.0, 3.0)), DomainImages("b", ((flat(200),),), (1.0,))


def test_a_batch_depends_on_its_step_alone(tiny_harmonizer):
    config = tiny_harmonizer("cyclegan")
    batches, again, other = (Batches(two_domains(), config, rank) for rank in (0, 0, 1))
    first = batches[7]
    _ = again[3]
    np.testing.assert_array_equal(first.images, again[7].images)
    assert not np.array_equal(first.images, batches[8].images)
    assert not np.array_equal(first.images, other[7].images)
    assert first.images.shape == (4, 1, 32, 32)
    assert first.domains.tolist() == [0, 0, 1, 1]


def test_images_are_not_changed_in_appearance(tiny_harmonizer):
    """Of flat images only the value and the black around them are ever seen, up to the rim between both."""
    batches = Batches(two_domains(), tiny_harmonizer("cyclegan"))
    values = np.concatenate([batches[step].images[2:].ravel() for step in range(20)])
    seen = np.isclose(values, 200 / 255, atol=0.01) | np.isclose(values, 0, atol=0.01)
    assert seen.mean() > 0.95
    assert values.max() <= 200 / 255 + 1e-6


def test_sources_have_their_share(tiny_harmonizer):
    batches = Batches(two_domains(), replace(tiny_harmonizer("cyclegan"), geometry=STILL))
    middles = np.concatenate([batches[step].images[:2, 0, 16, 16] for step in range(300)])
    assert np.mean(np.isclose(middles, 30 / 255)) == pytest.approx(0.75, abs=0.06)
    assert np.mean(np.isclose(middles, 10 / 255)) == pytest.approx(0.125, abs=0.05)


def test_scanners_share_a_batch_evenly(tiny_harmonizer):
    config = replace(tiny_harmonizer("harmonae"), batch_size=5)
    counts = np.array([np.bincount(Batches(two_domains(), config)[step].domains, minlength=2) for step in range(40)])
    assert set(counts[:, 0]) == {2, 3}
    assert counts.mean(axis=0) == pytest.approx([2.5, 2.5], abs=0.3)


def test_a_slice_comes_with_its_neighbours_and_the_outermost_stand_in(tiny_harmonizer):
    config = replace(tiny_harmonizer("cyclegan", {"generator": {"inputs": 3, "width": 4}}), geometry=STILL)
    ramp = Stack(np.repeat(np.array([0, 100, 200], np.uint8), 40 * 40).reshape(3, 40, 40), "ramp")
    batches = Batches((DomainImages("a", ((ramp,),), (1.0,)), DomainImages("b", ((flat(50),),), (1.0,))), config)
    seen = {tuple(np.rint(image[:, 16, 16] * 255).astype(int)) for step in range(20) for image in batches[step].images}
    assert seen == {(0, 0, 100), (0, 100, 200), (100, 200, 200), (50, 50, 50)}


def test_what_was_drawn_is_kept_and_no_anatomy_is_drawn_for_two(tmp_path, tiny_harmonizer, monkeypatch):
    config = tiny_harmonizer("harmonae")
    drawn = open_domains(config, tmp_path)
    monkeypatch.setattr(domains, "draw_stacks", lambda *_: pytest.fail("drawn a second time"))
    again = open_domains(config, tmp_path)
    for one, other in zip(drawn, again, strict=True):
        assert [stack.name for stack in one.sources[0]] == [stack.name for stack in other.sources[0]]
        for a, b in zip(one.sources[0], other.sources[0], strict=True):
            np.testing.assert_array_equal(a.pixels, b.pixels)
    stack = drawn[0].sources[0][0]
    assert stack.pixels.shape[0] == 3
    assert stack.pixels.min() < 10 and stack.pixels.max() > 200
    outlines = [[s.pixels.shape[1:] == o.pixels.shape[1:] and np.corrcoef(s.pixels.ravel(), o.pixels.ravel())[0, 1] > 0.99
                 for o in drawn[1].sources[0]] for s in drawn[0].sources[0]]  # fmt: skip
    assert not np.any(outlines)


def test_folders_hold_studies_of_any_format(tmp_path):
    rng = np.random.default_rng(0)
    volume = sitk.GetImageFromArray(rng.random((5, 60, 50)).astype(np.float32) * 1000)
    volume.SetDirection((0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    volume.SetSpacing((1.0, 1.0, 4.0))
    sitk.WriteImage(volume, str(tmp_path / "a.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(rng.integers(0, 256, (48, 40), dtype=np.uint8)), str(tmp_path / "b.png"))
    (tmp_path / "notes.txt").write_text("not an image")
    stacks = read_stacks(ImageSource("folder", path=str(tmp_path), pixel_mm=1.0), 2.0)
    assert [(stack.name, stack.pixels.shape) for stack in stacks] == [("a.nii.gz", (5, 30, 25)), ("b.png", (1, 24, 20))]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no images"):
        read_stacks(ImageSource("folder", path=str(empty)), 2.0)
    with pytest.raises(InputError, match="no folder"):
        read_stacks(ImageSource("folder", path=str(tmp_path / "none")), 2.0)


def test_packed_files_give_the_stacks_of_their_training_side(tmp_path):
    def one(value, subject, stack="", split=TRAIN, size=20):
        pixels = np.full((size, size), value, np.uint8)
        return LabelledSlice(pixels, np.zeros_like(pixels), subject, 2.0, split, stack)

    slices = (one(1, "p", "s"), one(2, "p", "s"), one(3, "q"), one(4, "q"), one(5, "r", split=VALIDATION))
    found = SliceSet("own", slices, set_table(STRUCTURES), ("disc",))
    write_packed((found, replace(found, name="other", slices=(one(9, "z"),))), tmp_path / "packed.npz")
    stacks = read_stacks(ImageSource("packed", path=str(tmp_path / "packed.npz"), group="own"), 1.0)
    assert [stack.pixels[:, 20, 20].tolist() for stack in stacks] == [[1, 2], [3], [4]]
    assert {stack.pixels.shape[1:] for stack in stacks} == {(40, 40)}
    with pytest.raises(InputError, match="no set named"):
        read_stacks(ImageSource("packed", path=str(tmp_path / "packed.npz"), group="none"), 1.0)


def test_true_pairs_are_one_anatomy_and_the_judge_knows_the_truth():
    pairs = draw_true_pairs(Pairs(("alder-1.5t-stir", "birch-3t-t1"), "birch-3t-t1", 1), Grid(64, 64, 3.0), 3)
    assert pairs.images.shape == (2, 3, 64, 64)
    np.testing.assert_array_equal(pairs.truth[0], pairs.truth[1])
    np.testing.assert_array_equal(pairs.images[1, 1], pairs.truth[1])
    unharmonized = nearness(pairs, lambda images: images[:, 1])
    assert unharmonized["pairs mae"] == unharmonized["pairs mae before"] > 0.03
    perfect = nearness(pairs, lambda _: pairs.truth)
    assert (perfect["pairs mae"], perfect["pairs ssim"]) == (0, pytest.approx(1))


def packed_of(values, folder, split):
    """Ramps of a height each, as a packed set."""
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    slices = tuple(
        LabelledSlice((ramp * value).astype(np.uint8), np.zeros((64, 64), np.uint8), f"{n}", 2.0, split)
        for n, value in enumerate(values)
    )
    return write_packed((SliceSet("own", slices, set_table(STRUCTURES), ("disc",)),), folder / "packed.npz")


def test_rescanned_images_keep_their_order_of_grey_and_lose_sharpness_evenness_and_quiet():
    edge = Stack(np.repeat(np.where(np.arange(64) < 32, 60, 200).astype(np.uint8)[None, None], 64, axis=1), "edge")
    seen = [rescanned(edge, 1.0, 1.0, (n,)).pixels[0].astype(float) for n in range(12)]
    assert all(one[:, 40:56].mean() > one[:, 8:24].mean() for one in seen)
    assert np.std([one[:, 8:24].mean() for one in seen]) > 5
    assert max(one[:, 40:56].std(axis=0).mean() for one in seen) > 2
    np.testing.assert_array_equal(seen[3], rescanned(edge, 1.0, 1.0, (3,)).pixels[0])
    weak = rescanned(edge, 0.0, 1.0, (3,)).pixels
    np.testing.assert_allclose(weak, np.where(edge.pixels == 60, 0, 255), atol=1)


def test_a_domain_of_files_is_rescanned_once_and_only_where_it_says_so(tmp_path, tiny_harmonizer):
    packed_of((100, 150, 250), tmp_path, TRAIN)
    plain = ImageSource("packed", path=str(tmp_path / "packed.npz"))
    config = tiny_harmonizer("cyclegan")
    changed = replace(config.domains[0], sources=(replace(plain, rescanned=1.0), plain))
    opened, again = (open_domains(replace(config, domains=(changed, config.domains[1])), tmp_path)[0] for _ in range(2))
    assert not np.array_equal(opened.sources[0][0].pixels, opened.sources[1][0].pixels)
    np.testing.assert_array_equal(opened.sources[0][2].pixels, again.sources[0][2].pixels)
    with pytest.raises(InputError, match="only files are rescanned"):
        ImageSource("drawn", scanners=("birch-3t-t1",), rescanned=0.5)


def test_the_truth_of_a_rescanned_image_moves_with_it(tmp_path, tiny_harmonizer):
    packed_of((150, 250), tmp_path, TRAIN)
    config = tiny_harmonizer("cyclegan")
    source = ImageSource("packed", path=str(tmp_path / "packed.npz"))
    first = replace(config.domains[0], sources=(replace(source, rescanned=0.01),))
    second = replace(config.domains[1], sources=(source,))
    config = replace(config, domains=(first, second), geometry=Geometry(20.0, 10.0, 0.2))
    batch = Batches(open_domains(config, tmp_path), config)[3]
    assert np.isnan(batch.truth[batch.domains == 1]).all() and batch.truth.shape == batch.images.shape
    made, truth = (one[batch.domains == 0] for one in (batch.images, batch.truth))
    assert np.isfinite(truth).all()
    assert np.corrcoef(made.ravel(), truth.ravel())[0, 1] > 0.95


def test_held_out_files_make_pairs_with_a_known_truth(tmp_path):
    packed_of((100, 150, 250), tmp_path, VALIDATION)
    pairs = true_pairs(Pairs(path=str(tmp_path / "packed.npz"), anatomies=2), Grid(64, 64, 2.0), 1)
    assert pairs.images.shape == (2, 1, 64, 64) and pairs.anatomies == 2
    assert [round(float(truth.max()) * 255) for truth in pairs.truth] == [100, 250]
    assert nearness(pairs, lambda images: images[:, 0])["pairs mae"] > 0.01
    assert true_pairs(Pairs(), Grid(64, 64, 2.0), 1) is None
    with pytest.raises(InputError, match="either drawn or of a file"):
        Pairs(("birch-3t-t1",), "birch-3t-t1", path="a.npz")


def body(values, rows=64):
    """A body of steps of grey in air."""
    plane = np.zeros((rows, 64))
    plane[:, 12:60] = np.repeat(values, 48 // len(values))
    return plane


def test_stacks_of_one_anatomy_come_to_lie_on_the_same_grey_by_a_scale():
    steps = np.linspace(40, 120, 12)
    dark, bright = (Stack(np.rint(body(one))[None].astype(np.uint8), "body") for one in (steps, 2 * steps + 5))
    first, second = (on_scale(one, 2.0, "t1") for one in (dark, bright))
    np.testing.assert_allclose(first.pixels.astype(float), second.pixels.astype(float), atol=4)
    image = sitk.GetImageFromArray(dark.pixels)
    image.SetSpacing((2.0, 2.0, 4.0))
    np.testing.assert_array_equal(first.pixels, np.rint(sitk.GetArrayFromImage(shipped_scale("t1").transform(image))))
    both = on_scale(replace(dark, truth=bright.pixels), 2.0, "t1")
    np.testing.assert_array_equal(both.truth, second.pixels)
    assert on_scale(dark, 2.0, "") is dark
    np.testing.assert_array_equal(on_scale(flat(0), 2.0, "t1").pixels, flat(0).pixels)  # blank: nothing to go by


def test_domains_and_pairs_of_a_run_lie_on_its_scale(tmp_path, tiny_harmonizer):
    planes = [np.rint(body(np.linspace(30, 110, 12) * factor)).astype(np.uint8) for factor in (1, 2)]
    slices = tuple(
        LabelledSlice(plane, np.zeros((64, 64), np.uint8), f"{split} {number}", 2.0, split)
        for split in (TRAIN, VALIDATION)
        for number, plane in enumerate(planes)
    )
    path = tmp_path / "packed.npz"
    write_packed((SliceSet("own", slices, set_table(STRUCTURES), ("disc",)),), path)
    config = tiny_harmonizer("cyclegan")
    own = replace(config.domains[0], sources=(ImageSource("packed", path=str(path)),))
    grid = replace(config.grid, pixel_mm=2.0)
    config = replace(config, domains=(own, config.domains[1]), grid=grid, scale="t2")
    first, second = (one.pixels.astype(float) for one in open_domains(config, tmp_path)[0].sources[0])
    np.testing.assert_allclose(first, second, atol=4)
    pairs = true_pairs(Pairs(path=str(path), anatomies=2), Grid(64, 64, 2.0), 1, "t2")
    assert abs(pairs.truth[0] - pairs.truth[1]).max() * 255 < 4

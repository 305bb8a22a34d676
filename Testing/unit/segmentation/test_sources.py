"""Labelled slices: packed and read back, from a folder with an index, and split by subject."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import ANYTHING, VERTEBRA, NetworkClass
from spinemr.segmentation.training.config import GridSettings
from spinemr.segmentation.training.data import Mixture, slice_source
from spinemr.segmentation.training.pack import pack, spider_t2space, t1_midsagittal, with_parts
from spinemr.segmentation.training.sources import VALIDATION, read_folder, read_packed, refuse_shared_subjects, write_packed


def test_packed_sets_come_back_as_they_were(drawn_set, tmp_path):
    write_packed([drawn_set, replace(drawn_set, name="again", slices=drawn_set.slices[:2])], tmp_path / "packed.npz")
    first, second = read_packed(tmp_path / "packed.npz")
    assert (first.name, second.name, first.judged) == ("drawn slices", "again", ("vertebra", "disc"))
    np.testing.assert_array_equal(first.sets, drawn_set.sets)
    for found, wanted in zip(first.slices, drawn_set.slices, strict=True):
        np.testing.assert_array_equal(found.image, wanted.image)
        np.testing.assert_array_equal(found.codes, wanted.codes)
        assert (found.subject, found.pixel_mm, found.split) == (wanted.subject, wanted.pixel_mm, wanted.split)


def test_files_that_are_not_packed_are_refused(tmp_path):
    (tmp_path / "x.npz").write_text("no")
    for name in ("x.npz", "missing.npz"):
        with pytest.raises(InputError, match="not a packed file"):
            read_packed(tmp_path / name)


def test_a_subject_on_both_sides_is_refused(drawn_set):
    refuse_shared_subjects([drawn_set])
    mixed = replace(drawn_set, slices=(*drawn_set.slices, replace(drawn_set.slices[0], split=VALIDATION)))
    with pytest.raises(InputError, match="in training and in validation"):
        refuse_shared_subjects([mixed])


def test_blank_slices_go_and_contrast_is_stretched(drawn_set):
    blank = replace(drawn_set.slices[0], codes=np.zeros_like(drawn_set.slices[0].codes))
    assert len(replace(drawn_set, slices=(blank, drawn_set.slices[1])).without_blanks().slices) == 1
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stretched = replace(drawn_set, slices=(replace(blank, image=ramp),)).stretched().slices[0].image.ravel()
    assert stretched[[6, 249]].tolist() == [0, 255]  # 2.5 and 97.5 % of a ramp of 255
    assert stretched[128] == round((128 - 6.375) / (248.625 - 6.375) * 255)


def test_slices_on_other_pixels_keep_their_extent(drawn_set):
    one = drawn_set.slices[0]
    coarse = drawn_set.at_pixel(2 * one.pixel_mm).slices[0]
    assert coarse.image.shape == (48, 48)
    assert (coarse.codes > 0).mean() == pytest.approx((one.codes > 0).mean(), abs=0.02)


@pytest.fixture
def folder(tmp_path):
    """Two studies with an index, one of them stored in another axis order."""
    labels = np.zeros((3, 20, 10), np.uint8)
    labels[1, 5:10, 2:6] = 23
    for number in (1, 2):
        image = sitk.GetImageFromArray(labels.astype(np.float32) * 10 + np.arange(10, dtype=np.float32))
        mask = sitk.GetImageFromArray(labels)
        for written, name in ((image, "image"), (mask, "label")):
            written.SetSpacing((1.0, 0.5, 4.0))
            written.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
            stored = sitk.DICOMOrient(written, "LPS") if number == 2 else written
            sitk.WriteImage(stored, str(tmp_path / f"{name}{number}.nii.gz"))
    (tmp_path / "index.csv").write_text(
        "image,label,subject,split\nimage1.nii.gz,label1.nii.gz,A,train\nimage2.nii.gz,label2.nii.gz,B,validation\n"
    )
    return tmp_path


def test_a_folder_is_read_slice_by_slice_whatever_the_orientation(folder):
    found = read_folder(folder, ["vertebra"])
    assert [(s.subject, s.split) for s in found.slices] == [("A", "train")] * 3 + [("B", "validation")] * 3
    for middle in (found.slices[1], found.slices[4]):
        assert middle.pixel_mm == 0.5
        assert middle.codes.shape == (20, 20)  # 10 columns of 1 mm as 20 of 0.5 mm
        np.testing.assert_array_equal(np.flatnonzero(middle.codes.any(axis=1)), np.arange(5, 10))
        assert middle.codes.max() == 23
    assert found.sets[23] == VERTEBRA


@pytest.mark.parametrize("index", ["image\na\n", "image,label\na,\n", "image,label,split\na,b,test\n", None])
def test_a_folder_with_a_bad_index_is_refused(tmp_path, index):
    if index is not None:
        (tmp_path / "index.csv").write_text(index)
    with pytest.raises(InputError, match=r"index\.csv"):
        read_folder(tmp_path, ["vertebra"])


def test_parts_are_told_apart_only_where_the_canal_lies_between_them():
    codes = np.zeros((40, 40), np.uint8)
    codes[:, 20:24] = 3
    codes[5:10, 5:15], codes[5:10, 28:35] = 1, 1
    codes[20:25, 5:35] = 1  # a pedicle joins them
    parts = with_parts(codes)
    assert set(np.unique(parts[5:10, 5:15])) == {4}
    assert set(np.unique(parts[5:10, 28:35])) == {5}
    assert set(np.unique(parts[20:25, 5:35])) == {1}
    lateral = np.where(codes == 3, 0, codes).astype(np.uint8)
    np.testing.assert_array_equal(with_parts(lateral), lateral)


def test_sources_are_mixed_in_their_shares(drawn_set):
    sources = tuple(slice_source(replace(drawn_set, name=name), share, augment=False) for name, share in (("a", 0.3), ("b", 0.7)))
    mixture = Mixture(sources, GridSettings(64, 64, 2.0), 8, 0, 400)
    counts = np.array([mixture.counts(np.random.default_rng([0, step])) for step in range(400)])
    assert set(counts.sum(axis=1)) == {8}
    assert counts[:, 0].mean() == pytest.approx(2.4, abs=0.1)
    assert set(counts[:, 0]) == {2, 3}


def test_a_batch_depends_on_seed_and_step_alone(drawn_set):
    source = slice_source(drawn_set, 1.0, augment=True)
    one, two, other = (Mixture((source,), GridSettings(64, 64, 2.0), 2, seed, 9) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[5].images, two[5].images)
    assert not np.array_equal(one[5].images, one[6].images)
    assert not np.array_equal(one[5].images, other[5].images)
    assert one[5].images.shape == (2, 1, 64, 64)
    assert one[5].sets.dtype == np.uint8
    assert one[5].sets.min() >= 1  # every pixel may be something


@pytest.mark.realdata
@pytest.mark.slow
def test_the_public_sets_say_what_they_label(data_dir):
    spider, t1 = spider_t2space(data_dir / "spider_t2space"), t1_midsagittal(data_dir / "t1_midsagittal")
    refuse_shared_subjects([spider, t1])
    assert len(spider.subjects) == 31
    assert spider.only(VALIDATION).subjects == ("005", "065", "110", "141", "191", "220")
    assert all(subject.endswith("7") for subject in t1.only(VALIDATION).subjects)
    assert spider.sets[0] == NetworkClass.BACKGROUND.bit | NetworkClass.SACRUM.bit
    codes = np.bincount(np.concatenate([s.codes.ravel() for s in spider.slices]), minlength=6)
    assert codes[4] > codes[5] > 0 < codes[1]
    assert t1.sets[4] == ANYTHING
    assert all(0.02 < (s.codes == 1).mean() < 0.2 for s in t1.slices)


def test_packing_a_folder_without_the_sets_is_refused(tmp_path):
    with pytest.raises(InputError, match="spider_t2space"):
        pack(tmp_path, tmp_path / "x.npz")

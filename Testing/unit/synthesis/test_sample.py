"""The stream of training slices: reproducible, varied, and never without a spine."""

from itertools import islice

import numpy as np
import pytest

from spinemr.synthesis.anatomy.request import Request
from spinemr.synthesis.sample import SLICES_PER_ANATOMY, draw_samples


@pytest.fixture(scope="module")
def samples():
    return list(islice(draw_samples(5), 24))


def test_samples_have_the_asked_shape_and_range(samples):
    for sample in samples:
        assert sample.image.shape == sample.labels.shape == (320, 320)
        assert sample.image.dtype == np.float32
        assert sample.labels.dtype == np.uint8
        assert sample.image.min() >= 0.0
        assert sample.image.max() == pytest.approx(1.0)
        assert 0.6 <= sample.spacing_mm[0] <= 1.1


def test_every_sample_shows_bone_and_most_show_canal(samples):
    assert all((sample.labels > 0).mean() > 0.01 for sample in samples)
    assert 0.3 < np.mean([np.isin(sample.labels, (60, 61)).any() for sample in samples]) < 1.0


def test_scanners_and_mixtures_both_occur(samples):
    sources = [sample.source for sample in samples]
    assert 0.05 < np.mean([source == "random mixture" for source in sources]) < 0.7


def test_stream_is_reproducible_and_anatomies_change(samples):
    again = list(islice(draw_samples(5), SLICES_PER_ANATOMY + 1))
    for one, two in zip(samples, again, strict=False):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.labels, two.labels)
    other = next(draw_samples(6))
    assert not np.array_equal(other.labels, samples[0].labels)


def test_other_sizes_and_requests():
    sample = next(draw_samples(1, Request(grade="I", pathologies=()), rows=256, columns=192))
    assert sample.labels.shape == (256, 192)

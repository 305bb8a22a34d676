from __future__ import annotations

import numpy as np
import pytest

from spinemr.synthesis.kspace import displaced, from_kspace, kspace_window, to_kspace
from spinemr.synthesis.scanners import PointSpread


@pytest.mark.parametrize("shape", [(32, 48), (31, 47), (32, 45)])
def test_there_and_back_is_the_identity(shape):
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    np.testing.assert_allclose(from_kspace(to_kspace(image), *shape), image, atol=1e-5)
    assert to_kspace(image).dtype == np.complex64


def test_the_window_keeps_the_mean_and_cuts_at_the_acquired_share():
    window = kspace_window(64, 64, PointSpread(0.5, 0.0, 0.0), phase_axis=1)
    assert window.shape == (64, 33) and window[0, 0] == 1
    assert window[16, 0] == 1 and window[17, 0] == 0 and window[0, 16] == 1 and window[0, 17] == 0


def test_apodisation_is_hammings_and_the_train_blurs_the_phase_axis_only():
    hamming = kspace_window(64, 64, PointSpread(1.0, 1.0, 0.0), phase_axis=1)
    assert hamming[32, 0] == pytest.approx(0.08) and hamming[16, 0] == pytest.approx(0.54)
    blurred = kspace_window(64, 64, PointSpread(1.0, 0.0, 0.7), phase_axis=2)
    assert blurred[32, 0] == 1 and blurred[0, 32] == pytest.approx(np.exp(-0.7))


def edge_overshoot(spread: PointSpread) -> float:
    step = np.zeros((64, 128), dtype=np.float32)
    step[:, 32:96] = 1
    filtered = from_kspace(to_kspace(step) * kspace_window(64, 128, spread, phase_axis=1), 64, 128)
    return float(filtered.max()) - 1


def test_a_sharp_cut_rings_and_a_hamming_window_does_not():
    assert edge_overshoot(PointSpread(0.4, 0.0, 0.0)) == pytest.approx(0.09, abs=0.03)
    assert edge_overshoot(PointSpread(0.4, 1.0, 0.0)) < 0.01


@pytest.mark.parametrize("axis", [1, 2])
def test_displacement_by_fractions_of_a_pixel(axis):
    image = np.zeros((1, 9, 9), dtype=np.float32)
    image[0, 4, 4] = 4

    def line(result):
        return result[0, :, 4] if axis == 1 else result[0, 4]

    assert line(displaced(image, 1.25, axis)).tolist() == [0, 0, 0, 0, 0, 3, 1, 0, 0]
    assert line(displaced(image, -2.0, axis)).tolist() == [0, 0, 4, 0, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(displaced(image, 0.0, axis), image)
    edge = image.copy()
    edge[0, 0] = edge[0, :, 0] = 2
    np.testing.assert_array_equal(line(displaced(edge, 20.0, axis)), 2)

from __future__ import annotations

import numpy as np
import pytest

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.synthesis.mr_physics import (
    MAX_RATIO,
    Experiment,
    SpinEchoTimes,
    denoised_map,
    draw_synthmri_times,
    ernst_angle_deg,
    estimated_density,
    inversion_recovery,
    null_inversion_time_ms,
    spin_echo,
    spin_echo_driven,
    spin_echo_from_experiment,
    spoiled_gradient_echo,
    synthmri,
    t2_star_ms,
    water_fat_shift_hz,
)

T1_TIMES, T2_TIMES = SpinEchoTimes(436, 8), SpinEchoTimes(2435, 100)
"""The experimental times of Arias Martinez 2024, Table 1."""


def flat(value: float) -> np.ndarray:
    return np.full((1, 4, 5), value, dtype=np.float32)


def test_spin_echo_by_hand():
    assert spin_echo(100, 500, 100, tr_ms=500, te_ms=100) == pytest.approx(100 * (1 - 0.36788) * 0.36788, rel=1e-4)


def test_driven_equilibrium_by_hand():
    # E1 = Et = 1/e: (1 - 1/e) / (1 - 1/e^2) = 0.73106; TE = T2 leaves 1/e
    assert spin_echo_driven(1, 1000, 100, tr_ms=1100, te_ms=100, train_ms=100) == pytest.approx(0.73106 * 0.36788, rel=1e-4)


def test_driven_equilibrium_restores_fluid_and_nothing_else():
    for t1, t2, least, most in ((4273, 1578, 1.5, 1.8), (885, 40, 0.9, 1.01)):
        gain = spin_echo_driven(1, t1, t2, 3500, 100, 180) / spin_echo(1, t1, t2, 3500, 100)
        assert least < gain < most


def test_inversion_recovery_nulls_its_tissue():
    null = null_inversion_time_ms(260, 4000)
    assert null == pytest.approx(260 * np.log(2), rel=1e-6)
    assert inversion_recovery(100, 260, 130, 4000, 40, null) == pytest.approx(0, abs=1e-4)
    assert inversion_recovery(100, 885, 40, 4000, 40, null) < 0 < inversion_recovery(100, 150, 40, 4000, 40, null)


def test_inversion_recovery_by_hand():
    # 1 - 2 exp(-1) + exp(-4) = 0.28256, TE = T2
    assert inversion_recovery(10, 500, 80, 2000, 80, 500) == pytest.approx(10 * 0.28256 * 0.36788, rel=1e-3)


def test_spoiled_gradient_echo_by_hand_and_at_ninety_degrees():
    # E1 = 0.98053, sin 20 = 0.34202, cos 20 = 0.93969: 0.34202 * 0.01947 / 0.07861
    assert spoiled_gradient_echo(1, 488.2, 1e9, 9.6, 3.7, 20) == pytest.approx(0.08471, rel=2e-3)
    assert spoiled_gradient_echo(1, 500, 1e9, 500, 5, 90) == pytest.approx(1 - np.exp(-1), rel=1e-6)


def test_the_ernst_angle_gives_the_largest_echo():
    best = ernst_angle_deg(800, 10)
    angles = np.linspace(1, 60, 237)
    echoes = [float(spoiled_gradient_echo(1, 800, 30, 10, 4, angle)) for angle in angles]
    assert angles[int(np.argmax(echoes))] == pytest.approx(best, abs=0.25)


def test_rates_of_dephasing_add_up_and_fat_lies_217_hz_below_water():
    assert t2_star_ms(40, 40) == pytest.approx(20)
    assert water_fat_shift_hz(1.5) == pytest.approx(217, abs=0.5)
    assert water_fat_shift_hz(3.0) == pytest.approx(2 * water_fat_shift_hz(1.5))


def test_equation_5_takes_the_contrast_out_again():
    image = flat(0) + np.float32(100 * spin_echo(1.3, 700, 80, T1_TIMES.tr_ms, T1_TIMES.te_ms))
    density = estimated_density(Experiment(image, T1_TIMES), flat(700), flat(80))
    np.testing.assert_allclose(density, 130, rtol=1e-5)


def test_equation_6_gives_the_contrast_of_the_new_times():
    image = flat(0) + np.float32(spin_echo(80, 515, 101, T2_TIMES.tr_ms, T2_TIMES.te_ms))
    made = spin_echo_from_experiment(Experiment(image, T2_TIMES), flat(515), flat(101), SpinEchoTimes(1500, 70))
    np.testing.assert_allclose(made, spin_echo(80, 515, 101, 1500, 70), rtol=1e-5)


def test_equation_7_returns_the_experiment_at_its_own_times():
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 900, (2, 8, 8)).astype(np.float32)
    t1, t2 = rng.uniform(200, 4000, image.shape).astype(np.float32), rng.uniform(20, 1500, image.shape).astype(np.float32)
    np.testing.assert_allclose(spin_echo_from_experiment(Experiment(image, T1_TIMES), t1, t2, T1_TIMES), image, rtol=1e-6)


@pytest.mark.parametrize("outlier", [0.0, -50.0, 1e-9, 1e9, np.nan, np.inf])
def test_outliers_of_the_maps_make_no_speckles(outlier):
    t1, t2 = flat(700), flat(80)
    t1[0, 1, 1] = t2[0, 2, 2] = outlier
    for times in (SpinEchoTimes(3000, 5), SpinEchoTimes(200, 99)):
        made = spin_echo_from_experiment(Experiment(flat(100), T2_TIMES), t1, t2, times)
        assert np.isfinite(made).all() and made.min() >= 0 and made.max() <= 100 * MAX_RATIO
    assert np.isfinite(estimated_density(Experiment(flat(100), T2_TIMES), t1, t2)).all()


def test_maps_on_another_grid_are_refused():
    with pytest.raises(GeometryError, match="one grid"):
        spin_echo_from_experiment(Experiment(flat(1), T1_TIMES), flat(700), flat(80)[:, :2], T2_TIMES)


def test_times_are_drawn_from_the_papers_ranges_and_split_at_50_ms():
    rng = np.random.default_rng(1)
    drawn = [draw_synthmri_times(rng) for _ in range(400)]
    repetition, echo = np.array([(times.tr_ms, times.te_ms) for times in drawn]).T
    assert repetition.min() >= 200 and repetition.max() <= 3000 and np.ptp(repetition) > 2600
    assert echo.min() >= 5 and echo.max() <= 100 and np.ptp(echo) > 88
    assert SpinEchoTimes(500, 49.9).uses_t1_experiment and not SpinEchoTimes(500, 50).uses_t1_experiment
    assert all(times.uses_t1_experiment == (times.te_ms < 50) for times in drawn)


def test_synthmri_starts_from_the_experiment_the_criterion_names():
    t1, t2 = flat(700), flat(80)
    for seed in range(12):
        times = draw_synthmri_times(np.random.default_rng(seed))
        made = synthmri(Experiment(flat(1), T1_TIMES), Experiment(flat(0), T2_TIMES), t1, t2, np.random.default_rng(seed))
        assert bool(made.any()) == (times.te_ms < 50)


def test_denoising_clips_where_asked_and_removes_single_outliers():
    noisy = flat(500)
    noisy[0, 2, 2], noisy[0, 0, 0], noisy[0, 3, 4] = 3000, np.nan, np.inf
    np.testing.assert_array_equal(denoised_map(noisy)[0, 1:3, 1:4], 500)
    assert np.isfinite(denoised_map(noisy)).all()
    abdomen = np.zeros(noisy.shape, dtype=bool)
    abdomen[..., :2] = True
    cleaned = denoised_map(flat(900), 625, abdomen)
    assert cleaned[0, 0, 0] == 625 and cleaned[0, 0, 4] == 900


@pytest.mark.parametrize(("repetition", "echo"), [(10, 20), (0, 0), (100, -1), (100, 100)])
def test_impossible_times_are_refused(repetition, echo):
    with pytest.raises(InputError, match="TE"):
        SpinEchoTimes(repetition, echo)

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.synthesis.protocols import WEIGHTINGS, Protocol, SequenceKind, random_protocol, tissue_signals
from spinemr.synthesis.scanners import scanner, scanner_for
from spinemr.synthesis.tissues import TISSUES


def signal_of(protocol: Protocol, tesla: float = 1.5) -> dict[str, float]:
    total = np.abs(tissue_signals(list(TISSUES.values()), protocol, tesla).total)
    return dict(zip(TISSUES, total.tolist(), strict=True))


def spin_echo_protocol(**changes: float) -> Protocol:
    return Protocol("t1", SequenceKind.SPIN_ECHO, **{"tr_ms": 500, "te_ms": 10, **changes}, **GRID)


GRID = {"in_plane_spacing_mm": 0.7, "slice_thickness_mm": 4.0, "slice_gap_mm": 0.4}


def in_order(signals: dict[str, float], *names: str) -> bool:
    """Whether each tissue is at least 8 % brighter than the next."""
    return all(signals[a] > 1.08 * signals[b] for a, b in itertools.pairwise(names))


@pytest.mark.parametrize("name", ["alder-1.5t-t1", "birch-3t-t1", "cedar-1.5t-t1"])
def test_t1_shows_fat_then_marrow_then_disc_then_csf(name):
    chosen = scanner(name)
    signals = signal_of(chosen.protocol, chosen.tesla)
    assert in_order(signals, "subcutaneous_fat", "marrow", "disc_nucleus_II", "csf", "ligament", "cortical_bone")
    assert in_order(signals, "modic_2", "marrow", "modic_1", "modic_3")


@pytest.mark.parametrize("name", ["alder-1.5t-t2", "birch-3t-t2", "cedar-1.5t-t2", "alder-3t-space"])
def test_t2_shows_csf_then_healthy_disc_then_worn_disc_then_annulus(name):
    chosen = scanner(name)
    signals = signal_of(chosen.protocol, chosen.tesla)
    assert in_order(signals, "csf", "disc_nucleus_I", "disc_nucleus_II", "disc_nucleus_III", "disc_nucleus_IV", "annulus")
    assert in_order(signals, "csf", "cord", "muscle", "ligament")
    assert in_order(signals, "modic_1", "marrow", "modic_3") and in_order(signals, "modic_2", "marrow")


@pytest.mark.parametrize("name", ["alder-1.5t-stir", "cedar-3t-stir"])
def test_stir_shows_water_and_nulls_fat(name):
    chosen = scanner(name)
    signals = signal_of(chosen.protocol, chosen.tesla)
    assert signals["subcutaneous_fat"] < 0.12 * signals["csf"]
    assert in_order(signals, "csf", "modic_1", "marrow", "modic_2")


def test_proton_density_puts_fat_and_csf_close_together():
    signals = signal_of(scanner_for("pd").protocol)
    assert 0.4 < signals["csf"] / signals["subcutaneous_fat"] < 1
    assert in_order(signals, "marrow", "muscle", "annulus")


def test_flash_shows_flowing_blood_that_spin_echo_does_not():
    flash, turbo = signal_of(scanner_for("flash").protocol), signal_of(scanner_for("t2").protocol)
    assert flash["blood_flowing"] > 2 * flash["blood_slow"]
    assert turbo["blood_flowing"] < 0.1 * turbo["blood_slow"]


def test_voids_are_silent_in_every_weighting():
    for weighting in WEIGHTINGS:
        signals = signal_of(random_protocol(np.random.default_rng(3), weighting))
        assert [name for name, tissue in TISSUES.items() if tissue.is_void and signals[name] != 0] == []


def test_marrow_darkens_between_the_in_phase_echoes_and_pure_fat_does_not():
    opposed, in_phase = (
        signal_of(Protocol("flash", SequenceKind.GRADIENT_ECHO, 9.6, echo, flip_deg=20, **GRID)) for echo in (2.3, 4.6)
    )
    assert opposed["marrow"] < 0.6 * in_phase["marrow"]
    assert opposed["subcutaneous_fat"] > 0.9 * in_phase["subcutaneous_fat"]


def test_fat_suppression_takes_its_share_of_fat_and_no_water():
    plain, suppressed = signal_of(spin_echo_protocol()), signal_of(spin_echo_protocol(fat_suppression=0.9))
    assert suppressed["cord"] == pytest.approx(plain["cord"])
    assert suppressed["subcutaneous_fat"] < 0.14 * plain["subcutaneous_fat"]
    assert 0.25 * plain["marrow"] < suppressed["marrow"] < 0.6 * plain["marrow"]


def test_water_alone_follows_equation_1():
    expected = 59 * (1 - np.exp(-500 / 780)) * np.exp(-10 / 102)
    assert signal_of(spin_echo_protocol())["cord"] == pytest.approx(expected, rel=1e-5)


def test_fat_is_displaced_by_the_resonance_difference_over_the_bandwidth():
    protocol = spin_echo_protocol(bandwidth_hz=217.15)
    assert protocol.fat_displacement_px(1.5) == pytest.approx(1, abs=1e-3)
    assert protocol.fat_displacement_px(3.0) == pytest.approx(2, abs=2e-3)


def test_geometry_follows_from_the_grid():
    protocol = spin_echo_protocol()
    assert protocol.spacing_mm == (4.4, 0.7, 0.7)
    assert protocol.field_of_view_mm == pytest.approx((224, 224))


@pytest.mark.parametrize(
    "changes",
    [
        {"te_ms": 500},
        {"te_ms": 0},
        {"in_plane_spacing_mm": 0},
        {"slice_gap_mm": -1},
        {"rows": 0},
        {"train_ms": 5},
        {"train_ms": 900},
    ],
)
def test_impossible_protocols_are_refused(changes):
    settings = {"tr_ms": 500, "te_ms": 10, **GRID, **changes}
    with pytest.raises(InputError):
        Protocol("t1", SequenceKind.SPIN_ECHO, **settings)


def test_an_inversion_recovery_needs_an_inversion_time():
    with pytest.raises(InputError, match="TI"):
        Protocol("stir", SequenceKind.INVERSION_RECOVERY, 4000, 40, **GRID)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_drawn_protocols_keep_to_clinical_ranges(weighting):
    rng = np.random.default_rng(5)
    for _ in range(60):
        protocol = random_protocol(rng, weighting, 3.0)
        assert protocol.weighting == weighting
        assert 0.45 <= protocol.in_plane_spacing_mm <= 0.95
        assert 0.8 <= protocol.slice_thickness_mm <= 5
        assert protocol.train_ms == 0 or protocol.train_ms >= protocol.te_ms
        if weighting == "t1":
            assert 300 <= protocol.tr_ms <= 1122 and 8 <= protocol.te_ms <= 20
        if weighting == "stir":
            signals = signal_of(protocol, 3.0)
            assert signals["subcutaneous_fat"] < 0.2 * signals["csf"]


def test_drawing_without_a_weighting_gives_all_of_them_and_repeats():
    drawn = [random_protocol(np.random.default_rng(seed)) for seed in range(120)]
    assert {protocol.weighting for protocol in drawn} == set(WEIGHTINGS)
    assert random_protocol(np.random.default_rng(9)) == drawn[9]


def test_an_unknown_weighting_names_the_known_ones():
    with pytest.raises(InputError, match="t2 space"):
        random_protocol(np.random.default_rng(0), "diffusion")

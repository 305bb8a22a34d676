"""The tissues a lumbar spine is drawn from: relaxation times and proton density at 1.5 T.

Sources, by the letter in the table below (times in ms, proton density with water = 100):

- S: quantitative synthetic MRI of the lumbar spine, 32 subjects (CSF, cord, discs, vertebral bodies).
- P: nucleus T2 by Pfirrmann grade I-IV (210, 129, 84, 51 ms); T1 and density between S's normal,
  intermediate and desiccated discs.
- B: de Bazelaire et al., Radiology 2004 (abdominal and marrow relaxation at 1.5 and 3 T).
- T: Stanisz et al., Magn Reson Med 2005 (muscle, blood, cartilage, liver, kidney, cord).
- G: Gold et al., AJR 2004 (fat, marrow, muscle, cartilage, joint fluid at 1.5 and 3 T).
- E: estimate, from the tissues it is made of, inside the range that radiographic appearance allows.

A tissue's T1 and T2 are those of its water and fat together, as a voxel-wise fit would measure them;
:func:`water_share` takes the fat out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from spinemr.synthesis.tissue_map import Tissue

FAT_T1_MS = 260.0
FAT_T2_MS = 130.0
"""Subcutaneous fat in an echo train at 1.5 T, where refocused J-coupling lengthens the apparent T2 (G)."""

PFIRRMANN_GRADES = ("I", "II", "III", "IV", "V")
TRABECULAR_T2_PRIME_MS = 22.0
"""Reversible dephasing in spongy bone at 1.5 T; other tissues carry :class:`Tissue`'s default."""


def _void(name: str) -> Tissue:
    """Matter without a signal in any sequence."""
    return Tissue(name, t1_ms=1000.0, t2_ms=0.5, proton_density=0.0, is_void=True)


def _bone(name: str, t1_ms: float, t2_ms: float, proton_density: float, fat: float) -> Tissue:
    """Matter between trabeculae, whose susceptibility shortens T2*."""
    return Tissue(name, t1_ms, t2_ms, proton_density, fat, t2_prime_ms=TRABECULAR_T2_PRIME_MS)


_TABLE: tuple[Tissue, ...] = (
    _void("air"),
    _void("bowel_gas"),
    _void("metal"),
    _void("cortical_bone"),  # T2 0.1-1 ms: gone before the first echo
    _bone("marrow", 515, 101, 91, 0.45),  # S
    _bone("marrow_red", 640, 88, 88, 0.30),  # B, E: cellular marrow of the young and of the anaemic
    _bone("marrow_fatty", 390, 115, 94, 0.70),  # B, E: around the basivertebral vein, in the elderly
    _bone("marrow_posterior", 440, 108, 80, 0.58),  # E: posterior elements, more fat, more trabecular bone
    _bone("modic_1", 900, 125, 96, 0.15),  # E: oedema, dark on T1, bright on T2 and STIR
    _bone("modic_2", 310, 122, 96, 0.85),  # E: fatty, bright on T1 and T2, suppressed on STIR
    _bone("modic_3", 700, 22, 35, 0.15),  # E: sclerosis, dark everywhere
    _bone("haemangioma", 420, 150, 98, 0.60),  # E: fat and slow vessels, bright on T1 and T2
    Tissue("disc_nucleus_I", 1300, 210, 88),  # P
    Tissue("disc_nucleus_II", 1165, 129, 80),  # P, S normal
    Tissue("disc_nucleus_III", 900, 84, 69),  # P
    Tissue("disc_nucleus_IV", 640, 51, 56),  # P
    Tissue("disc_nucleus_V", 554, 40, 48),  # P, S desiccated
    Tissue("annulus_inner", 800, 60, 64),  # S intermediate
    Tissue("annulus", 600, 26, 52),  # E: outer lamellae
    Tissue("annular_fissure", 1200, 160, 80),  # E: high-intensity zone
    Tissue("cartilage_endplate", 1060, 28, 60),  # G, E: hyaline but thin and mineralising
    Tissue("schmorl", 900, 84, 68),  # P: herniated nucleus
    Tissue("csf", 4273, 1578, 107),  # S
    Tissue("cord", 780, 102, 59),  # S
    Tissue("nerve_root", 850, 95, 66),  # T, E
    Tissue("dura", 700, 12, 60),  # E
    Tissue("epidural_fat", FAT_T1_MS, FAT_T2_MS, 96, 0.95),  # G
    Tissue("subcutaneous_fat", FAT_T1_MS, FAT_T2_MS, 100, 0.97),  # G
    Tissue("abdominal_fat", FAT_T1_MS + 15, FAT_T2_MS - 5, 97, 0.92),  # G
    Tissue("ligament", 600, 6, 55),  # literature T2 1-10
    Tissue("fascia", 600, 8, 55),  # literature T2 1-10
    Tissue("facet_fluid", 2850, 900, 100),  # G: joint fluid
    Tissue("scar", 900, 60, 72),  # E
    Tissue("oedema", 1300, 130, 88, 0.05),  # E
    Tissue("muscle", 885, 40, 78, 0.04),  # T, B
    Tissue("muscle_fatty", 620, 72, 86, 0.40),  # G, E: streaks of fat between the fibres
    Tissue("skin", 700, 32, 72),  # E
    Tissue("blood_flowing", 1350, 180, 92, flows=True),  # T
    Tissue("blood_slow", 1350, 120, 92),  # T: epidural and basivertebral veins
    Tissue("liver", 586, 46, 72, 0.04),  # B
    Tissue("spleen", 1057, 79, 80),  # B
    Tissue("kidney_cortex", 966, 87, 82),  # B
    Tissue("kidney_medulla", 1412, 85, 86),  # B
    Tissue("bowel_wall", 900, 55, 76),  # E
    Tissue("bowel_content", 1100, 90, 80, 0.05),  # E: between fluid and faeces
    Tissue("bladder_wall", 950, 50, 78),  # E
    Tissue("urine", 3600, 1100, 104),  # E
    Tissue("uterus", 1274, 79, 84),  # B: myometrium
)

TISSUES: Mapping[str, Tissue] = MappingProxyType({tissue.name: tissue for tissue in _TABLE})
"""Every tissue by its name, at 1.5 T; the order is stable, so an index into it may be stored."""

_FREE_FLUID_T1_MS = 2500.0
_T1_EXPONENT_WATER = 0.33
_T1_EXPONENT_FAT = 0.20
_T2_EXPONENT = -0.10


def nucleus(grade: str) -> Tissue:
    """The nucleus pulposus of a disc of Pfirrmann grade ``"I"`` to ``"V"``."""
    if grade not in PFIRRMANN_GRADES:
        raise ValueError(f"Pfirrmann grades are I to V, not {grade!r}")
    return TISSUES[f"disc_nucleus_{grade}"]


def at_field_strength(tissue: Tissue, tesla: float) -> Tissue:
    """The tissue at another field: ``T1(B) = T1 (B / 1.5)^a`` and ``T2(B) = T2 (B / 1.5)^-0.1``.

    ``a`` is 1/3 for water (Bottomley 1984), 0.2 for fat (between B and G), mixed by the fat share,
    and 0 for free fluids, whose T1 hardly depends on the field. T2' shrinks with the field.
    """
    if tesla <= 0:
        raise ValueError(f"a field strength is positive, not {tesla} T")
    ratio = tesla / 1.5
    exponent = _T1_EXPONENT_WATER + tissue.fat_fraction * (_T1_EXPONENT_FAT - _T1_EXPONENT_WATER)
    if tissue.t1_ms > _FREE_FLUID_T1_MS:
        exponent = 0.0
    return replace(
        tissue,
        t1_ms=tissue.t1_ms * ratio**exponent,
        t2_ms=tissue.t2_ms * ratio**_T2_EXPONENT,
        t2_prime_ms=tissue.t2_prime_ms / ratio,
    )


def water_share(tissue: Tissue, fat: Tissue) -> tuple[float, float]:
    """T1 and T2 in ms of a tissue's water, given that the tissue's own are the mean over water and fat.

    ``T_water = (T - f T_fat) / (1 - f)``, kept positive and no shorter than a quarter of the mean's.
    """
    share = tissue.fat_fraction
    if share >= 1:
        return tissue.t1_ms, tissue.t2_ms
    t1 = (tissue.t1_ms - share * fat.t1_ms) / (1 - share)
    t2 = (tissue.t2_ms - share * fat.t2_ms) / (1 - share)
    return max(t1, tissue.t1_ms / 4), max(t2, tissue.t2_ms / 4)

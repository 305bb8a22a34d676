"""The scales that ship: what the percentiles of T1-weighted and T2-weighted lumbar studies come to lie at (Nyul).

Fitted by :mod:`spinemr.harmonization.training.scales` on real images: T1-weighted midsagittal slices of 409 patients (Sudirman et
al., doi 10.17632/k57fr854j2.2, CC BY 4.0) and T2-weighted SPACE studies of 25 subjects (SPIDER, van der Graaf et al. 2024,
doi 10.5281/zenodo.10159290, CC BY 4.0).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from spinemr.harmonization.classical.nyul import Nyul

SCALE_NAMES = ("t1", "t2")
"""Also the contrasts they are for (:mod:`spinemr.harmonization.contrast`)."""
_FOLDER = Path(__file__).with_name("data")


@cache
def shipped_scale(name: str) -> Nyul:
    """One of :data:`SCALE_NAMES`."""
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Nyul.from_dict(content["method"])

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spinemr.synthesis.tissue_map import TissueMap
from spinemr.synthesis.tissues import TISSUES

StripMaker = Callable[..., TissueMap]


@pytest.fixture
def strip_map() -> StripMaker:
    """Vertical strips of named tissues, each as wide as the others, from front to back; labels by tissue name."""

    def make(
        *names: str, width: int = 16, rows: int = 64, slices: int = 1, sub_slices: int = 1, labels: dict[str, int] | None = None
    ) -> TissueMap:
        ids = np.repeat(np.arange(len(names), dtype=np.uint8), width)
        planes = np.broadcast_to(ids, (slices * sub_slices, rows, ids.size)).copy()
        numbers = np.array([(labels or {}).get(name, 0) for name in names], dtype=np.uint8)
        return TissueMap(
            under=planes,
            over=planes,
            mix=np.zeros(planes.shape, dtype=np.float32),
            texture=np.ones(planes.shape, dtype=np.float32),
            labels=numbers[planes],
            tissues=tuple(TISSUES[name] for name in names),
            spacing_mm=(4.4, 0.8, 0.8),
            thickness_mm=4.0,
            sub_slices=sub_slices,
        )

    return make

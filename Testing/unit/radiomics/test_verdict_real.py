"""False alarms on real T2-SPACE studies with their true masks."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.parts import united
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.verdict.judge import judge
from spinemr.segmentation.classes import NetworkClass
from spinemr.segmentation.instances import label_spine

pytestmark = pytest.mark.realdata

HELD_OUT = ("005", "065", "110", "141", "191", "220")
EXPECTED = {"disc-cut", "saturated"}
"""The set holds only slices around the midline, so discs are cut at the sides; its grey values were cut at a percentile."""
STRONGLY_SHADED = "141"
"""Its vertebrae are 2.6 times as bright at one end as at the other: no other subject comes near that."""


def numbered(truth):
    """Levels counted from the lowest disc; what lies in front of the canal is body."""
    frame = WorkingFrame.of(truth)
    given = frame.forward_array(sitk.GetArrayFromImage(truth))
    canal = (given == 3).any(axis=0)
    rows = np.flatnonzero(canal.any(axis=1))
    front = np.interp(np.arange(given.shape[1]), rows, canal[rows].argmax(axis=1))
    ahead = np.arange(given.shape[2])[None, None, :] < front[None, :, None]
    parts = np.where(ahead, NetworkClass.BODY, NetworkClass.POSTERIOR)
    classes = np.select([given == 1, given == 2, given == 3], [parts, NetworkClass.DISC, NetworkClass.CANAL], 0)
    column, row, slice_ = frame.working_grid.spacing_mm
    return united(frame.back_from_array(label_spine(classes.astype(np.uint8), (slice_, row, column)).labels))


@pytest.fixture(params=HELD_OUT)
def case(request, data_dir):
    folder = data_dir / "spider_t2space"
    paths = [folder / f"{request.param}_{kind}.nii.gz" for kind in ("image", "label")]
    if not all(path.is_file() for path in paths):
        pytest.skip(f"no {paths[0].name} among the real images")
    image, truth = (sitk.ReadImage(str(path)) for path in paths)
    return request.param, Case(image, numbered(truth))


def test_true_masks_raise_no_alarm_but_what_the_set_has(case):
    subject, study = case
    verdict = judge(study)
    known = EXPECTED | {"far-appearance"} if subject == STRONGLY_SHADED else EXPECTED
    assert {finding.rule for finding in verdict.reasons} <= known
    assert verdict.decision != "do not trust"
    cut = [finding for finding in verdict.reasons if finding.rule == "disc-cut"]
    assert cut and all("right" in finding.sentence or "left" in finding.sentence for finding in cut)

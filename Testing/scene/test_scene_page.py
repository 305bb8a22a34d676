"""The examples of docs/scene.md, run one after the other on a case."""

from __future__ import annotations

import json
import re

import pytest
import SimpleITK as sitk

from spinemr.imaging.files import write_image, write_labels
from spinemr.segmentation.measurements import measure_image

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.audit import audit_of  # noqa: E402
from spinemr.scene.case_nodes import case_of  # noqa: E402
from spinemr.scene.views import slice_shown  # noqa: E402


def test_the_examples_do_what_they_say(scene, labels, repository, tmp_path, capsys):
    image = sitk.Cast(labels, sitk.sitkInt16)
    write_image(image, tmp_path / "source.nii.gz")
    write_image(sitk.Cast(image, sitk.sitkFloat32), tmp_path / "harmonized.nii.gz")
    write_labels(labels, tmp_path / "segmentation.seg.nrrd")
    measure_image(labels).write_csv(tmp_path / "measurements.csv")
    x, y, z = labels.TransformIndexToPhysicalPoint((20, 40, 2))
    reason = {"outcome": "review", "sentence": "Look here.", "label": 23, "slice": 2, "place": {"point_mm": [x, y, z]}}
    quality = {"verdict": "review", "reasons": [reason], "passed": [], "not_checked": []}
    (tmp_path / "qc.json").write_text(json.dumps(quality))
    for kind in ("vtkMRMLSliceCompositeNode", "vtkMRMLSliceNode"):
        scene.AddNewNodeByClass(kind).SetLayoutName("Red")

    examples = re.findall(r"```python\n(.*?)```", (repository / "docs" / "scene.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 6
    space = {"scene": scene, "folder": tmp_path, "bundle": tmp_path / "a.mrb"}
    for example in examples[:-1]:
        exec(example, space)  # the page is what is tested
    said = capsys.readouterr().out
    case, accepted = space["case"], space["accepted"]
    assert "'Sample harmonized', 'Sample segmentation', 'Sample measurements', 'Sample verdict'" in said
    assert "1 of 13 structures changed by hand" in said
    assert "L1 vertebra was removed: 640 voxels" in said
    assert slice_shown(space["slices"][0], case.volume) == 2
    assert space["composites"][0].GetForegroundOpacity() == 1.0
    assert not (sitk.GetArrayViewFromImage(accepted.labels) == 20).any()
    assert len(space["markups"].heights) == 5
    exec(examples[-1], space)
    again = case_of(scene.GetFirstNodeByName("Sample"))
    assert audit_of(again.segmentation)[0]["note"] == "second reading"

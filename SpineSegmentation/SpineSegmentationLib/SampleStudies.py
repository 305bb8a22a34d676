"""Sample data: studies drawn on the spot, so that every module can be tried without a network and without a patient."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

CATEGORY = "SpineMR"
SAMPLES = (("SpineMRDrawnT2", _("Drawn lumbar spine, T2"), 7, "t2"), ("SpineMRDrawnT1", _("Drawn lumbar spine, T1"), 11, "t1"))
"""Name, title, seed and contrast."""


def registerSampleStudies(thumbnail: str) -> None:
    """Offer the studies in the Sample Data module; any of the three modules may do so, the first does."""
    import SampleData

    if CATEGORY in getattr(slicer.modules, "sampleDataSources", {}):
        return

    for name, title, seed, contrast in SAMPLES:
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            uris="spinemr:drawn",  # nothing is fetched: the study is drawn
            fileNames=f"{name}.nrrd",
            nodeNames=title,
            thumbnailFileName=thumbnail,
            customDownloader=lambda _source=None, title=title, seed=seed, contrast=contrast: [
                drawStudy(slicer.mrmlScene, seed, contrast, title)
            ],
        )


def drawStudy(
    scene: slicer.vtkMRMLScene, seed: int = 7, contrast: str = "t2", name: str = SAMPLES[0][1], scanner: str | None = None
) -> slicer.vtkMRMLScalarVolumeNode:
    """Draw a study and show it; the same seed draws the same study."""
    from spinemr.scene.volumes import add_volume
    from spinemr.synthesis.study import draw_study

    with slicer.util.WaitCursor():
        study = draw_study(seed, contrast=contrast, scanner=scanner)
        node = add_volume(scene, study.image, name)
    if slicer.app.layoutManager() is not None:
        showVolume(node)
    return node


def showVolume(volume: slicer.vtkMRMLScalarVolumeNode, **layers: Any) -> None:
    """Show a volume in the slice views, along its own slices."""
    slicer.util.setSliceViewerLayers(background=volume, fit=True, rotateToVolumePlane=True, **layers)

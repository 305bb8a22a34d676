"""A study in, a label map of named structures out: what ``spinemr segment``, the Slicer module and the browser call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.segmentation.inference.model import OpenModel
from spinemr.segmentation.inference.predict import predict
from spinemr.segmentation.instances import SpineReport, label_spine


@dataclass(frozen=True)
class Segmentation:
    """Labels on the image's own grid (bodies and posterior elements told apart), and what is to say about them."""

    labels: sitk.Image
    report: SpineReport


def segment(
    image: sitk.Image,
    model: OpenModel,
    *,
    shift: int = 0,
    flip_average: bool = False,
    progress: ProgressCallback = silent,
) -> Segmentation:
    """Segment a study of any orientation.

    ``shift`` moves all levels down by so many. Raises :class:`~spinemr.segmentation.instances.NoLumbarSpineError` where there
    is no lumbar spine to be seen.
    """
    seen = predict(image, model.runtime, model.card.input, flip_average=flip_average, progress=within(progress, 0.0, 0.8))
    progress(Progress("name structures", 0.8, "Counting levels"))
    spine = label_spine(seen.classes, seen.spacing_mm, seen.confidence.astype(np.float32), shift=shift)
    labels = seen.frame.back_from_array(spine.labels)
    progress(Progress("name structures", 1.0, f"{len(spine.report.structures)} structures"))
    return Segmentation(labels, spine.report)

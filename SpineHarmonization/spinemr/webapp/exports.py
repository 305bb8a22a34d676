"""What a page can save: files made of the study as it is now, under names that name nobody."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.atomic import atomic_path, write_json_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_labels, write_labels
from spinemr.scene.audit import audit_of
from spinemr.scene.bundle import save_bundle
from spinemr.scene.dicom_segmentation import write_dicom_segmentation
from spinemr.scene.label_maps import labels_of

if TYPE_CHECKING:
    from spinemr.webapp.correction import Correction
    from spinemr.webapp.study import Study

RESULTS = "results"
"""The folder that ``spinemr run`` writes, inside of the session's."""
CORRECTED = "corrected"


class Exports:
    """Writes files of a study into the session's folder."""

    def __init__(self, study: Study, correction: Correction, folder: Path) -> None:
        self._study, self._correction, self._folder = study, correction, folder
        self._writers: dict[str, Callable[[], Path]] = {
            "spinemr.zip": self._everything,
            "segmentation.seg.nrrd": lambda: self._labels("segmentation.seg.nrrd"),
            "segmentation.nii.gz": lambda: self._labels("segmentation.nii.gz"),
            "segmentation.dcm": self._dicom,
            "scene.mrb": self._scene,
            "report.html": self._report,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self._writers)

    def write(self, name: str) -> Path:
        """The file, made anew."""
        if name not in self._writers:
            raise InputError(f"There is nothing to save as {name}.", f"Known are {', '.join(self._writers)}.")
        return self._writers[name]()

    @property
    def _target(self) -> Path:
        folder = self._folder / "export"
        folder.mkdir(exist_ok=True)
        return folder

    def _labels(self, name: str) -> Path:
        path = self._target / name
        write_labels(labels_of(self._study.segmentation, self._study.volume), path)
        return path

    def _dicom(self) -> Path:
        path = self._target / "segmentation.dcm"
        labels = labels_of(self._study.segmentation, self._study.volume)
        write_dicom_segmentation(labels, self._study.dicom_files, path)
        return path

    def _scene(self) -> Path:
        _ = self._study.volume
        path = self._target / "scene.mrb"
        save_bundle(self._study.scene, path)
        return path

    def _report(self) -> Path:
        path = self._folder / RESULTS / "report.html"
        if not path.is_file():
            raise InputError("There is no report yet.", "Harmonize & Segment writes it.")
        return path

    def _everything(self) -> Path:
        """What the run wrote, and beside it segments, measurements and audit where a person changed something."""
        self._report()
        path = self._target / "spinemr.zip"
        files = {one.name: one for one in sorted((self._folder / RESULTS).iterdir()) if one.is_file()}
        if self._is_changed():
            files |= {f"{CORRECTED}/{one.name}": one for one in self._corrected()}
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in files.items():
                archive.write(file, name)
        return path

    def _is_changed(self) -> bool:
        """Whether the segments are others than those of the run, or somebody stood for them."""
        if audit_of(self._study.segmentation):
            return True
        written = read_labels(self._folder / RESULTS / "segmentation.seg.nrrd")
        now = labels_of(self._study.segmentation, self._study.volume)
        return not np.array_equal(sitk.GetArrayViewFromImage(written), sitk.GetArrayViewFromImage(now))

    def _corrected(self) -> list[Path]:
        segmentation, volume = self._study.segmentation, self._study.volume
        audit, table = self._target / "audit.json", self._target / "measurements.csv"
        write_json_atomic(list(audit_of(segmentation)), audit)
        self._correction.write_measurements(labels_of(segmentation, volume), table)
        return [self._labels("segmentation.seg.nrrd"), self._labels("segmentation.nii.gz"), table, audit]

"""Sound inputs of every kind, made once: what mutants are made from, and what stands beside them unchanged."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
VOLUMES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
PICTURES = (".png", ".jpg", ".tif")
MASKS = (".nii.gz", ".seg.nrrd", ".nrrd", ".mha", ".png")


@dataclass(frozen=True)
class Seeds:
    """Paths of sound inputs; ``images`` and ``masks`` by their endings."""

    folder: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    tables: dict[str, Path]
    texts: dict[str, Path]
    """settings, method, manifest, training, card, job."""
    case: Path
    """A folder of results."""
    cohort: Path
    """A folder of a cohort; a name without anything where packages for its tables are missing."""

    @property
    def image(self) -> Path:
        """The usual image."""
        return self.images[".nii.gz"]

    @property
    def mask(self) -> Path:
        """Its mask."""
        return self.masks[".nii.gz"]


def make_seeds(folder: Path) -> Seeds:
    """Write everything; a few seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    images, masks = _images(folder), _masks(folder)
    tables = _tables(folder, images[".nii.gz"], masks[".nii.gz"])
    texts, case = _texts(folder, images, masks), _case(folder, images, masks)
    return Seeds(folder, images, masks, tables, texts, case, _cohort(folder / "cohort", case))


def _images(folder: Path) -> dict[str, Path]:
    from dicom_writer import Series, slice_dataset

    volume = _placed(_values())
    found = {}
    for ending in VOLUMES:
        found[ending] = folder / f"image{ending}"
        sitk.WriteImage(volume, str(found[ending]), useCompression=True)
    plane = sitk.GetImageFromArray((_values()[3] // 2).astype(np.uint8))
    for ending in PICTURES:
        found[ending] = folder / f"image{ending}"
        sitk.WriteImage(plane, str(found[ending]))
    found[".dcm"] = folder / "slice" / "image.dcm"
    found[".dcm"].parent.mkdir(exist_ok=True)
    slice_dataset(Series(slices=1, uid="1.2.826.1"), 0).save_as(found[".dcm"], enforce_file_format=True)
    return found


def _masks(folder: Path) -> dict[str, Path]:
    from spinemr.imaging.files import write_labels

    values = np.zeros((6, 40, 32), np.uint8)
    values[1:5, 5:12, 5:15], values[1:5, 12:15, 5:15], values[1:5, 5:20, 16:19] = 23, 123, 61
    found = {}
    for ending in MASKS:
        found[ending] = folder / f"mask{ending}"
        labels = sitk.GetImageFromArray(values[3]) if ending == ".png" else _placed(values)
        (sitk.WriteImage if ending == ".png" else write_labels)(labels, str(found[ending]))
    return found


def _values() -> np.ndarray:
    z, y, x = np.mgrid[:6, :40, :32]
    noise = np.random.default_rng(3).normal(0, 9, z.shape)
    return np.clip(120 + 60 * np.sin(y / 3) * np.cos(x / 9) + noise, 0, 400).astype(np.int16)


def _placed(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((5.0, 5.0, 4.4))
    image.SetDirection(SAGITTAL)
    return image


def _tables(folder: Path, image: Path, mask: Path) -> dict[str, Path]:
    from spinemr.imaging.files import read_image, read_labels
    from spinemr.radiomics.extraction import extract
    from spinemr.radiomics.settings import Settings
    from spinemr.radiomics.table import FeatureRow, FeatureTable
    from spinemr.radiomics.table_files import write_table

    found = extract(read_image(image), read_labels(mask), Settings(bin_count=16), labels=(23, 61, 123))
    rows = [
        FeatureRow(
            f"case {case}",
            "source",
            label,
            f"structure {label}",
            {name: value * (1 + case / 9) for name, value in values.items()},
            f"s{case % 2}",
        )
        for case in range(4)
        for label, values in found.items()
    ]
    tables = {}
    for ending in (".csv", ".json", ".parquet"):
        tables[ending] = folder / f"features{ending}"
        try:
            write_table(FeatureTable(tuple(rows)), tables[ending])
        except Exception:  # Parquet needs a package that may be missing
            del tables[ending]
    return tables


def _texts(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> dict[str, Path]:
    image, mask = images[".nii.gz"], masks[".nii.gz"]
    _run(
        "harmonize",
        image,
        "-o",
        folder / "fitted" / "h.nii.gz",
        "--method",
        "nyul",
        "--target",
        image,
        "--save-fit",
        folder / "method.json",
    )
    network = {"name": "plain-unet", "options": {"width": 4, "levels": 2}}
    sources = [{"kind": "drawn", "share": 1}]
    training = {
        "steps": 1,
        "batch_size": 1,
        "network": network,
        "grid": {"rows": 32, "columns": 32, "pixel_mm": 3.0},
        "sources": sources,
        "threads": 1,
    }
    texts = {
        "settings": (
            "params.yaml",
            "setting: {binCount: 16, label: 23}\nimageType:\n  Original: {}\n  LoG: {}\nfeatureClass:\n  glcm: [Idmn]\n",
        ),
        "manifest": ("manifest.csv", f"case,image,mask,scanner\na,{image},{mask},s1\nb,{image},{mask},s2\nc,{image},{mask},s1\n"),
        "training": ("train.json", json.dumps(training)),
        "card": ("own.card.json", _card()),
        "job": (
            "job.json",
            json.dumps(
                {
                    "job": "harmonize",
                    "image": str(image),
                    "output": "OUTPUT",
                    "method": "zscore",
                    "target": None,
                    "strength": 1.0,
                    "device": "auto",
                }
            ),
        ),
    }
    for name, text in texts.values():
        (folder / name).write_text(text, encoding="utf-8")
    made = {name: folder / file for name, (file, _) in texts.items()}
    return {**made, "method": folder / "method.json"}


def _card() -> str:
    from spinemr.imaging.model_files import card_path

    return card_path("balanced").read_text(encoding="utf-8")


def _case(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> Path:
    place = folder / "case"
    _run("run", images[".nii.gz"], "-o", place, "--harmonize", "zscore")
    (place / "segmentation.nii.gz").write_bytes(masks[".nii.gz"].read_bytes())
    (place / "features.csv").write_bytes((folder / "features.csv").read_bytes())
    (place / "measurements.csv").write_text(
        "label,structure,height_mm,wedge_deg\n23,L4 vertebra,25.5,1.5\n123,L4-L5 disc,9.5,4.0\n0,whole,44.0,\n", encoding="utf-8"
    )
    return place


def _run(*words: object) -> None:
    from spinemr.cli.main import main

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main([str(word) for word in words])


def _cohort(root: Path, case: Path) -> Path:
    from mutants.cohorts import make_cohort

    if find_spec("pyarrow") is not None and not root.exists():
        make_cohort(root, case)
    return root

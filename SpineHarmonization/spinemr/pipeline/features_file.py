"""Features of the structures of one image in a table's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.formats import Format, format_of
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import Provenance, Stopwatch, sidecar_of
from spinemr.imaging.schemes import from_scheme
from spinemr.radiomics.engine import Engine, engine_version, features_of
from spinemr.radiomics.parameter_file import Parameters, read_parameters
from spinemr.radiomics.parameters import overridden
from spinemr.radiomics.preparation import labels_of
from spinemr.radiomics.settings import Settings
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.table_files import write_table

TOOL = "spinemr radiomics"
OWN_SCHEME = "verse"
LUMBAR_FROM = 20
"""A mask without any number from L1 up is not in anatomy numbers: 1 is then somebody's first label, not C1."""


@dataclass(frozen=True)
class FeatureWishes:
    """What is measured and how, and what the rows of the table say besides the features."""

    settings: Settings
    labels: tuple[int, ...] = ()
    """Empty: all of the mask."""
    engine: Engine = "spinemr"
    scheme: str = OWN_SCHEME
    """Whose numbers the mask holds."""
    case: str = "case"
    image_name: str = "source"
    scanner: str = ""


def chosen_settings(file: Path | None, changes: Mapping[str, Any]) -> tuple[Settings, tuple[int, ...]]:
    """Settings and labels: changes, by pyradiomics' names, go before what its parameter file says, and that before defaults."""
    parameters = Parameters(Settings(), frozenset()) if file is None else read_parameters(file)
    settings = overridden(parameters.settings, changes)
    by_setting = "label" in parameters.named or "label" in changes
    return settings, (settings.label,) if by_setting else ()


def features_file(
    image: Path, mask: Path, output: Path, wishes: FeatureWishes, *, settings_file: Path | None = None,
    command: Sequence[str] = (), progress: ProgressCallback = silent,
) -> FeatureTable:  # fmt: skip
    """Read, measure, and write the table and what is known of its making."""
    watch = Stopwatch()
    with watch.phase("read"):
        volume = read_image(image, min_pixels=1, progress=within(progress, 0.0, 0.1))
        numbers = _read_mask(mask, wishes.scheme)
    held = labels_of(numbers)
    with watch.phase("features"):
        inner = within(progress, 0.1, 0.95)
        found = features_of(volume, numbers, wishes.settings, labels=wishes.labels or held, engine=wishes.engine, progress=inner)
    table = _table(found, structure_names(held), wishes)
    parameters: dict[str, object] = {**asdict(wishes), "engine_version": engine_version(wishes.engine)}
    inputs = {"IMAGE": image, "MASK": mask} | ({} if settings_file is None else {"SETTINGS": settings_file})
    made = Provenance.of(TOOL, command=command, parameters=parameters, inputs=inputs, seconds=watch.seconds)
    write_table(table, output, provenance=made.as_dict())
    if sidecar_of(output) != output:
        made.write_beside(output)
    progress(Progress("write", 1.0, "Done"))
    return table


def structure_names(labels: tuple[int, ...]) -> dict[int, str]:
    """The name of each label of a mask; plain numbers where the mask is not in anatomy numbers."""
    try:
        names = {label: name_of(label) for label in labels}
    except ValueError:
        names = {}
    anatomical = bool(names) and max(labels) >= LUMBAR_FROM
    return names if anatomical else {label: f"label {label}" for label in labels}


def _read_mask(path: Path, scheme: str) -> sitk.Image:
    labels = read_labels(path)
    known = scheme == OWN_SCHEME or format_of(path) is Format.SEGMENTATION
    return labels if known else from_scheme(labels, scheme)


def _table(found: dict[int, dict[str, float]], names: dict[int, str], wishes: FeatureWishes) -> FeatureTable:
    return FeatureTable(
        tuple(
            FeatureRow(wishes.case, wishes.image_name, label, names[label], features, wishes.scanner)
            for label, features in found.items()
        )
    )

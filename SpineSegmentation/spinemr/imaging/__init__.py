"""Images, geometry, anatomy labels, files, progress, errors and provenance: what everything else stands on.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spinemr.imaging.version import __version__ as __version__

if TYPE_CHECKING:
    from spinemr.imaging.anatomy import (
        Anatomy as Anatomy,
    )
    from spinemr.imaging.anatomy import (
        Structure as Structure,
    )
    from spinemr.imaging.anatomy import (
        StructureKind as StructureKind,
    )
    from spinemr.imaging.anatomy import (
        all_structures as all_structures,
    )
    from spinemr.imaging.anatomy import (
        disc_below as disc_below,
    )
    from spinemr.imaging.anatomy import (
        name_of as name_of,
    )
    from spinemr.imaging.anatomy import (
        posterior_of as posterior_of,
    )
    from spinemr.imaging.anatomy import (
        structure as structure,
    )
    from spinemr.imaging.anatomy import (
        without_parts as without_parts,
    )
    from spinemr.imaging.atomic import (
        atomic_path as atomic_path,
    )
    from spinemr.imaging.atomic import (
        write_json_atomic as write_json_atomic,
    )
    from spinemr.imaging.atomic import (
        write_text_atomic as write_text_atomic,
    )
    from spinemr.imaging.dicom import choose_series as choose_series
    from spinemr.imaging.dicom import list_series as list_series
    from spinemr.imaging.dicom_series import SeriesInfo as SeriesInfo
    from spinemr.imaging.dicom_series import series_table as series_table
    from spinemr.imaging.door import sound as sound
    from spinemr.imaging.errors import (
        Cancelled as Cancelled,
    )
    from spinemr.imaging.errors import (
        GeometryError as GeometryError,
    )
    from spinemr.imaging.errors import (
        ImagingWarning as ImagingWarning,
    )
    from spinemr.imaging.errors import (
        InputError as InputError,
    )
    from spinemr.imaging.errors import (
        OutputError as OutputError,
    )
    from spinemr.imaging.errors import (
        SpineMRError as SpineMRError,
    )
    from spinemr.imaging.files import (
        read_image as read_image,
    )
    from spinemr.imaging.files import (
        read_labels as read_labels,
    )
    from spinemr.imaging.files import (
        write_image as write_image,
    )
    from spinemr.imaging.files import (
        write_labels as write_labels,
    )
    from spinemr.imaging.geometry import (
        Grid as Grid,
    )
    from spinemr.imaging.geometry import (
        WorkingFrame as WorkingFrame,
    )
    from spinemr.imaging.geometry import (
        match_grid as match_grid,
    )
    from spinemr.imaging.geometry import (
        same_grid as same_grid,
    )
    from spinemr.imaging.intensity import (
        N4Settings as N4Settings,
    )
    from spinemr.imaging.intensity import (
        contrast_stretch as contrast_stretch,
    )
    from spinemr.imaging.intensity import (
        correct_bias as correct_bias,
    )
    from spinemr.imaging.intensity import (
        rescale_0_255 as rescale_0_255,
    )
    from spinemr.imaging.intensity import (
        z_score as z_score,
    )
    from spinemr.imaging.progress import (
        CancelToken as CancelToken,
    )
    from spinemr.imaging.progress import (
        Progress as Progress,
    )
    from spinemr.imaging.progress import (
        ProgressCallback as ProgressCallback,
    )
    from spinemr.imaging.progress import (
        silent as silent,
    )
    from spinemr.imaging.progress import (
        within as within,
    )
    from spinemr.imaging.provenance import Provenance as Provenance
    from spinemr.imaging.provenance import Stopwatch as Stopwatch
    from spinemr.imaging.provenance import sha256_of as sha256_of
    from spinemr.imaging.resample import NetworkGrid as NetworkGrid
    from spinemr.imaging.schemes import SCHEMES as SCHEMES
    from spinemr.imaging.schemes import from_scheme as from_scheme
    from spinemr.imaging.schemes import to_scheme as to_scheme
    from spinemr.imaging.terminology import Code as Code
    from spinemr.imaging.terminology import Term as Term
    from spinemr.imaging.terminology import colour_of as colour_of
    from spinemr.imaging.terminology import term_of as term_of

_HOME = {
    "anatomy": (
        "Anatomy", "Structure", "StructureKind", "all_structures", "disc_below", "name_of", "posterior_of", "structure",
        "without_parts",
    ),
    "atomic": ("atomic_path", "write_json_atomic", "write_text_atomic"),
    "dicom": ("choose_series", "list_series"),
    "dicom_series": ("SeriesInfo", "series_table"),
    "door": ("sound",),
    "errors": ("Cancelled", "GeometryError", "ImagingWarning", "InputError", "OutputError", "SpineMRError"),
    "files": ("read_image", "read_labels", "write_image", "write_labels"),
    "geometry": ("Grid", "WorkingFrame", "match_grid", "same_grid"),
    "intensity": ("N4Settings", "contrast_stretch", "correct_bias", "rescale_0_255", "z_score"),
    "progress": ("CancelToken", "Progress", "ProgressCallback", "silent", "within"),
    "provenance": ("Provenance", "Stopwatch", "sha256_of"),
    "resample": ("NetworkGrid",),
    "schemes": ("SCHEMES", "from_scheme", "to_scheme"),
    "terminology": ("Code", "Term", "colour_of", "term_of"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [*_MODULE_OF, "__version__"]


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

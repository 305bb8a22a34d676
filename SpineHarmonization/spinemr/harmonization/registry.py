"""Every method by its name, and fitted methods as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from spinemr.harmonization.classical.histogram_match import HistogramMatch
from spinemr.harmonization.classical.nyul import Nyul, fit_nyul
from spinemr.harmonization.classical.white_stripe import WhiteStripe
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.inference.network_method import NetworkMethod
from spinemr.harmonization.method import Method
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of

KIND, VERSION = "spinemr harmonization", 1


@dataclass(frozen=True)
class MethodEntry:
    """A method: what it does, how it is read from a file, and how it is fitted (``None``: it needs no fitting, or is trained)."""

    name: str
    summary: str
    from_dict: Callable[[Mapping[str, Any]], Method]
    ready: Callable[[], Method] | None = None
    fit: Callable[[Iterable[sitk.Image]], Method] | None = None


def _first(images: Iterable[sitk.Image]) -> Method:
    for image in images:
        return HistogramMatch.fit(image)
    raise InputError("There is no image to match histograms to.")


METHODS = {
    entry.name: entry
    for entry in (
        MethodEntry("zscore", "mean and standard deviation of the tissue", ZScore.from_dict, ready=ZScore),
        MethodEntry("whitestripe", "fat, CSF or muscle to one level", WhiteStripe.from_dict, ready=WhiteStripe),
        MethodEntry("nyul", "percentiles to those of a set of images", Nyul.from_dict, fit=fit_nyul),
        MethodEntry("histogram", "the histogram of one image", HistogramMatch.from_dict, fit=_first),
        MethodEntry("cyclegan", "a network trained for one reference", NetworkMethod.from_dict),
        MethodEntry("harmonae", "a network that knows several references", NetworkMethod.from_dict),
    )
}


def method_entry(name: str) -> MethodEntry:
    """The entry of a name; :class:`InputError` lists the names there are."""
    if name not in METHODS:
        raise InputError(f"There is no harmonization method '{name}'.", f"Choose from: {', '.join(METHODS)}.")
    return METHODS[name]


def fitted(name: str, images: Iterable[sitk.Image]) -> Method:
    """A method fitted on images, or as it is where it needs none."""
    entry = method_entry(name)
    if entry.fit is not None:
        return entry.fit(images)
    if entry.ready is not None:
        return entry.ready()
    raise InputError(f"The method {name} is not fitted on images.")


def write_method(method: Method, path: str | Path) -> None:
    """A fitted method as JSON."""
    write_json_atomic({"kind": KIND, "version": VERSION, "method": method.as_dict()}, Path(path))


def read_method(path: str | Path) -> Method:
    """What :func:`write_method` wrote; :class:`InputError` says what is wrong with anything else."""
    path = Path(path)
    try:
        content = json_of(text_of(path))
        if content["kind"] != KIND:
            raise ValueError
        if content["version"] != VERSION:
            raise InputError(f"{path.name} was written by another version of this software.", "Fit the method again.")
        state = content["method"]
        return method_entry(str(state["name"])).from_dict(state)
    except OSError as error:
        raise InputError(f"The file {path} cannot be read.", "Give a fitted harmonization method.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is not a fitted harmonization method.", "Make one with --save-fit.") from error

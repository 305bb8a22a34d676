"""The report of one case: verdict on top, then pictures, tables and plots, methods and versions at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from spinemr.imaging.atomic import write_text_atomic
from spinemr.imaging.geometry import match_grid
from spinemr.radiomics.report.charts.bars import arrows
from spinemr.radiomics.report.charts.heat_map import heat_map
from spinemr.radiomics.report.charts.histogram import histogram
from spinemr.radiomics.report.charts.names import short_name
from spinemr.radiomics.report.charts.svg import element, plain
from spinemr.radiomics.report.content import ReportContent, ReportMap
from spinemr.radiomics.report.display import Display, Grey, chosen_slices, fullest_slice
from spinemr.radiomics.report.html import figure, figures, page, paragraph, section
from spinemr.radiomics.report.pictures import Overlay, checkerboard, coloured, outlined
from spinemr.radiomics.report.sections import (
    NOT_A_DEVICE,
    anchor_of,
    facts_section,
    feature_means,
    features_section,
    provenance_section,
    relative,
    structures_section,
    verdict_section,
)

_SPREAD_SLICES = 3
_DIRECTIONS = {"sagittal": "from right to left", "axial": "from head to foot", "coronal": "from front to back"}
_MOST_CITED = 9
_DIFFERENCE_LIMIT = 50.0
_ONE_AXIS = 3.0
_NEAR_MM = 6.0
"""Around structures, maps are shown; farther away is nothing anybody measures."""
_SAMPLED = 200_000
"""Voxels a histogram is counted from at most."""


def write_report(content: ReportContent, path: str | os.PathLike[str]) -> None:
    """Write the page of :func:`report_page`, whole or not at all."""
    write_text_atomic(report_page(content), path)


def report_page(content: ReportContent) -> str:
    """One HTML page with everything inside."""
    pictures, shown = _pictures(content)
    return page(
        content.title,
        [
            element("h1", plain(content.title)),
            paragraph(NOT_A_DEVICE, "quiet"),
            verdict_section(content.verdict, shown),
            facts_section(content),
            *pictures,
            structures_section(content.structures),
            section("Intensities", figures(_histograms(content), "charts")),
            features_section(content.features),
            section("Features against the reference", figures(_feature_charts(content), "charts")),
            provenance_section(content.provenance),
        ],
    )


def _pictures(content: ReportContent) -> tuple[list[str], list[int]]:
    """The sections with pictures, and which slices (numbers of the file) have one."""
    if content.image is None:
        return [], []
    image, labels = content.image, content.labels
    display = Display.of(image, labels)
    names = None if labels is None else display.stack(match_grid(labels, image))
    count = display.viewing.shape[0]
    cited = [reason.slice for reason in (content.verdict.reasons if content.verdict else ()) if reason.slice is not None]
    chosen = chosen_slices(names, count, min(_SPREAD_SLICES, count), [display.index(number) for number in cited[:_MOST_CITED]])
    grey = display.grey(image)
    drawn = [
        figure(
            outlined(display, grey[index], None if names is None else names[index], title=_slice_name(display, index)),
            f"{_slice_name(display, index)} of {count}",
            anchor_of(display.number(index)),
        )
        for index in chosen
    ]
    contours = "" if names is None else " with the contours of its structures"
    said = f"{display.plane.capitalize()} slices of the {content.image_name} image{contours}, {_DIRECTIONS[display.plane]}."
    parts = [section("Slices", paragraph(said, "quiet"), figures(drawn, "pictures"))]
    middle = fullest_slice(names, count) if display.plane == "sagittal" else chosen[len(chosen) // 2]
    if content.harmonized is not None:
        parts.append(_harmonization(content, display, grey, middle))
    parts.append(_maps(content, display, grey, middle))
    return parts, [display.number(index) for index in chosen]


def _harmonization(content: ReportContent, display: Display, grey: Grey, middle: int) -> str:
    assert content.harmonized is not None and content.image is not None
    after = display.grey(match_grid(content.harmonized, content.image))
    name = _slice_name(display, middle)
    woven = checkerboard(display, grey[middle], after[middle], title=f"{name}, source and harmonized woven")
    drawn = [
        figure(outlined(display, grey[middle], None, title=f"{name}, source"), f"{name}: source"),
        figure(outlined(display, after[middle], None, title=f"{name}, harmonized"), f"{name}: harmonized"),
        figure(woven, f"{name}: woven, ◤ source, ● harmonized"),
    ]
    said = "Where anatomy is kept, edges run on from tile to tile of the woven picture."
    return section("Source and harmonized", paragraph(said, "quiet"), figures(drawn, "pictures"))


def _maps(content: ReportContent, display: Display, grey: Grey, middle: int) -> str:
    assert content.image is not None
    drawn = []
    if content.harmonized is not None:
        after = display.grey(match_grid(content.harmonized, content.image))
        change = (after[middle].astype(np.float32) - grey[middle]) / 255.0 * 100.0
        overlay = Overlay(change, "% of window", _DIFFERENCE_LIMIT, "diverging")
        picture = coloured(display, grey[middle], overlay, title="Harmonized minus source")
        caption = (
            f"{_slice_name(display, middle)}: harmonized − source, each in percent of its own window (1st to 99.7th percentile)"
        )
        drawn.append(figure(picture, caption))
    drawn += [_map(content, shown, display, grey, middle) for shown in content.maps]
    return section("Where it changed", figures(drawn, "pictures"))


def _map(content: ReportContent, shown: ReportMap, display: Display, grey: Grey, middle: int) -> str:
    """The slice with the largest value; where there is none, the middle slice and a word that there is none."""
    assert content.image is not None
    values = display.stack(match_grid(shown.image, content.image)).astype(np.float32)
    magnitude = np.nan_to_num(np.abs(values))
    if content.labels is not None:
        magnitude = np.where(display.stack(match_grid(content.labels, content.image)) > 0, magnitude, 0.0)
    found = bool(magnitude.max() > 0)
    index = int(np.argmax(magnitude.max(axis=(1, 2)))) if found else middle
    near = values[index]
    if content.labels is not None:
        inside = display.stack(match_grid(content.labels, content.image))[index] > 0
        near = np.where(distance_transform_edt(~inside, sampling=display.spacing_mm) <= _NEAR_MM, near, 0.0)
    picture = coloured(display, grey[index], Overlay(near, shown.unit, shown.limit, shown.kind), title=shown.title)
    name = _slice_name(display, index)
    return figure(picture, f"{name}, where it is largest: {shown.title}" if found else f"{name}: no {shown.title} in any slice")


def _histograms(content: ReportContent) -> Iterator[str]:
    images = {content.image_name: content.image, **_others(content)}
    values = {name: _sampled(image, None) for name, image in images.items() if image is not None}
    if not values:
        return
    windows = {name: _window(found) for name, found in values.items()}
    label = "intensity (scanner units)" if _comparable(windows) else "intensity (% of the image's window)"
    yield figure(histogram(_in_units(values, windows), title="Whole image", label=label, width=500.0))
    if content.labels is not None and content.image is not None:
        inside = {
            name: _sampled(image, content.labels)
            for name, image in images.items()
            if image is not None and image.GetSize() == content.labels.GetSize()
        }
        yield figure(histogram(_in_units(inside, windows), title="Inside the structures", label=label, width=500.0))


def _others(content: ReportContent) -> dict[str, sitk.Image | None]:
    others = {"harmonized": content.harmonized, "reference": content.reference}
    return {name: image for name, image in others.items() if image is not None}


def _window(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = (float(v) for v in np.nanpercentile(values, (1, 99.7)))
    return (low, high) if high > low else (low, low + 1.0)


def _comparable(windows: Mapping[str, tuple[float, float]]) -> bool:
    """Whether intensities of all images fit on one axis: the widths of their windows are within a factor of three."""
    widths = [high - low for low, high in windows.values()]
    return max(widths) <= _ONE_AXIS * min(widths)


def _in_units(
    values: Mapping[str, NDArray[np.float64]], windows: Mapping[str, tuple[float, float]]
) -> dict[str, NDArray[np.float64]]:
    """Intensities as they are where they fit on one axis, else in percent of each image's window (1st to 99.7th percentile)."""
    if _comparable(windows):
        return dict(values)
    return {name: 100.0 * (found - windows[name][0]) / (windows[name][1] - windows[name][0]) for name, found in values.items()}


def _sampled(image: sitk.Image, labels: sitk.Image | None) -> NDArray[np.float64]:
    values = sitk.GetArrayViewFromImage(image)
    found = values.ravel() if labels is None else values[sitk.GetArrayFromImage(match_grid(labels, image)) > 0]
    return found[:: max(1, found.size // _SAMPLED)].astype(np.float64)


def _feature_charts(content: ReportContent) -> Iterator[str]:
    features = content.features
    reference = feature_means(features.where(image="reference"))
    images = [name for name in dict.fromkeys(row.image for row in features) if name != "reference"]
    if not reference or not images:
        return
    errors = {image: feature_means(features.where(image=image)) for image in images}
    for image, means in errors.items():
        errors[image] = {name: 100 * relative(means.get(name, np.nan), value) for name, value in reference.items()}
    names = list(reference)
    grid = np.array([[errors[image][name] for image in images] for name in names])
    shown = [short_name(name) for name in names]
    title, unit = "Relative error against the reference", "relative error (%)"
    yield figure(
        heat_map(grid, shown, images, title=title, unit=unit, digits=1, mark_smallest=True), "Framed: the smallest of each row."
    )
    if "source" in errors and "harmonized" in errors:
        before, after = ({short_name(name): error for name, error in errors[image].items()} for image in ("source", "harmonized"))
        yield figure(arrows(before, after, title="Towards the reference?", label=unit), "To the left: nearer to the reference.")


def _slice_name(display: Display, index: int) -> str:
    return f"Slice {display.number(index) + 1}"

"""The parts of a case's report in words and tables: verdict, facts, structures, features, provenance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from spinemr.imaging.anatomy import StructureKind, structure
from spinemr.radiomics.report.charts.names import short_name
from spinemr.radiomics.report.charts.palette import BLACK
from spinemr.radiomics.report.charts.scales import fixed, number
from spinemr.radiomics.report.charts.svg import element, inline, line, path_data, plain
from spinemr.radiomics.report.content import ReportContent, ReportReason, ReportVerdict, StructureRow
from spinemr.radiomics.report.html import facts_table, paragraph, section, table
from spinemr.radiomics.report.pictures import shown_levels, structure_colour, structure_name
from spinemr.radiomics.table import FeatureTable

NOT_A_DEVICE = "Not a medical device: for research only, not for diagnosis or treatment."
_WORDS = {
    "pass": ("PASS", "No rule found anything against this result.", "pass"),
    "review": ("REVIEW", "A person should look at what is listed below before the result is used.", "review"),
    "do not trust": ("DO NOT TRUST", "The result should not be used as it is; the reasons are listed below.", "distrust"),
}
_UNITS = {"mm3": "mm³", "mm2": "mm²", "mm": "mm", "deg": "°"}
_ORDER = ("source", "harmonized", "reference")
_WHOLE_SPINE = 0
_NARROW = 4
"""Columns of a table two of which fit beside each other."""
_KINDS = (StructureKind.BODY.value, StructureKind.DISC.value, "")
_LEVEL, _RANGE = re.compile(r"\b[ctls]\d+\b"), re.compile(r"\b([CTLS]\d+) ([CTLS]\d+)\b")
_FLAGS = {"cut_by_view": "cut by the field of view", "from_own_outline": "measured by its own outline"}
_TOLD_OTHERWISE = ("volume_mm3", *_FLAGS)


def anchor_of(slice_number: int) -> str:
    """What links to the picture of a slice name."""
    return f"slice-{slice_number + 1}"


def verdict_section(verdict: ReportVerdict | None, shown: Sequence[int]) -> str:
    """The word, its sign, and why; ``shown`` are the slices that have a picture."""
    if verdict is None:
        return ""
    word, sentence, kind = _WORDS[verdict.status]
    said = f'<div><div class="word">{word}</div><div>{plain(sentence)}</div></div>'
    box = f'<div class="verdict {kind}" role="status">{_sign(verdict.status)}{said}</div>'
    rows = [_reason(reason, shown) for reason in verdict.reasons]
    header = ("Reason", "What was found", "Structure", "Figure", "Limit", "Slice")
    reasons = table(header, rows, numbers_from=3) if rows else ""
    return box + reasons + _counted("Passed", verdict.passed) + _counted("Not checked", verdict.not_checked)


def facts_section(content: ReportContent) -> str:
    """What is known of the case, and what the reader has to know."""
    notes = "".join(element("li", plain(note)) for note in content.notes)
    return section("Case", facts_table(content.facts), f"<ul>{notes}</ul>" if notes else "")


def structures_section(rows: Sequence[StructureRow]) -> str:
    """Each structure in its colour, with confidence and measurements."""
    if not rows:
        return ""
    by_label = {row.label: row for row in rows}
    ordered = [by_label[label] for label in shown_levels([label for label in by_label if label != _WHOLE_SPINE])]
    kinds = {row.label: _kind(row.label) for row in ordered}
    tables = [
        _structures_table([row for row in ordered if kinds[row.label] == kind]) for kind in _KINDS if kind in kinds.values()
    ]
    whole = by_label.get(_WHOLE_SPINE)
    said = "" if whole is None else "; ".join(f"{column_title(n)}: {_measured(n, v)}" for n, v in whole.measurements.items())
    return section("Structures", *tables, paragraph(f"Lumbar spine: {said}." if said else ""))


def _kind(label: int) -> str:
    """Structures that are measured alike stand in one table."""
    try:
        kind = structure(label).kind
    except ValueError:
        return ""
    return kind.value if kind in (StructureKind.BODY, StructureKind.DISC) else ""


def _structures_table(rows: Sequence[StructureRow]) -> str:
    names = [name for name in dict.fromkeys(name for row in rows for name in row.measurements) if name not in _TOLD_OTHERWISE]
    names = [name for name in names if any(math.isfinite(row.measurements.get(name, math.nan)) for row in rows)]
    confident = any(math.isfinite(row.confidence) for row in rows)
    told = any(_remark(row) for row in rows)
    header = ["Structure", "Volume (cm³)", *(["Confidence (0–1)"] if confident else []), *[column_title(name) for name in names]]
    lines = []
    for row in rows:
        swatch = f'<span class="swatch" style="background:{structure_colour(row.label)}"></span>'
        cells = [f'<span class="name">{swatch}{plain(structure_name(row.label))}</span>', fixed(row.volume_mm3 / 1000, 2)]
        cells += [fixed(row.confidence, 2)] if confident else []
        cells += [_measured(name, row.measurements.get(name, math.nan)) for name in names]
        lines.append([*cells, *([plain(_remark(row))] if told else [])])
    return table([*header, *(["Remark"] if told else [])], lines, words=(len(header),) if told else ())


def _remark(row: StructureRow) -> str:
    said = [sentence for name, sentence in _FLAGS.items() if row.measurements.get(name) == 1]
    return "; ".join([*said, *([row.note] if row.note else [])])


def column_title(name: str) -> str:
    """``height_anterior_mm`` as "Height anterior (mm)"."""
    stem, _, unit = name.rpartition("_")
    if not stem or unit not in _UNITS:
        return _spelled(name)
    return f"{_spelled(stem)} ({_UNITS[unit]})"


def _spelled(stem: str) -> str:
    """Words with a capital first; levels such as L1 keep theirs."""
    words = _RANGE.sub("\\1–\\2", _LEVEL.sub(lambda level: level.group().upper(), stem.replace("_", " ")))
    return words[:1].upper() + words[1:]


def features_section(features: FeatureTable) -> str:
    """Each feature before, after and in the reference, averaged over structures, and its relative error."""
    images = [image for image in _ORDER if len(features.where(image=image))]
    images += [name for name in dict.fromkeys(row.image for row in features) if name not in images]
    if not images or not features.names:
        return ""
    means = {image: feature_means(features.where(image=image)) for image in images}
    compared = [image for image in images if image != "reference"] if "reference" in images else []
    header = ["Feature", *[image.capitalize() for image in images], *[f"Relative error, {image} (%)" for image in compared]]
    rows: dict[str, list[list[str]]] = {}
    for name in features.names:
        errors = [100 * relative(means[image].get(name, math.nan), means["reference"].get(name, math.nan)) for image in compared]
        cells = [fixed(error, 1) for error in errors]
        if len(errors) > 1 and np.isfinite(errors).all():
            best = int(np.argmin(errors))
            cells[best] = f"<b>{cells[best]}</b>"
        group, _, short = short_name(name).rpartition(" ")
        row = [plain(short), *[number(means[image].get(name, math.nan), 4) for image in images], *cells]
        rows.setdefault(group, []).append(row)
    tables = "".join(table([group or header[0], *header[1:]], found) for group, found in rows.items())
    if len(header) <= _NARROW:
        tables = f'<div class="halves">{tables}</div>'
    structures = len({row.label for row in features})
    said = f"Means over {structures} structures." if structures > 1 else ""
    if compared:
        said += " Relative error: |value − reference| / |reference|; the smallest of each row is bold."
    return section("Features", paragraph(said.strip(), "quiet"), tables)


def feature_means(features: FeatureTable) -> dict[str, float]:
    """The mean of each feature over the rows that have it; NaN where none has."""
    means = {}
    for name in features.names:
        column = features.column(name)
        finite = column[np.isfinite(column)]
        means[name] = float(finite.mean()) if finite.size else math.nan
    return means


def relative(value: float, reference: float) -> float:
    """|value - reference| / |reference|; NaN where that is not defined."""
    return abs(value - reference) / abs(reference) if reference else math.nan


def provenance_section(provenance: Mapping[str, str]) -> str:
    """Methods and versions."""
    return section("Methods and versions", facts_table(provenance))


def _reason(reason: ReportReason, shown: Sequence[int]) -> list[str]:
    unit = f" {reason.unit}" if reason.unit else ""
    link = "–"
    if reason.slice is not None:
        link = str(reason.slice + 1)
        link = f'<a href="#{anchor_of(reason.slice)}">{link}</a>' if reason.slice in shown else link
    mark = "✕ " if reason.severity == "do not trust" else "! "
    figure = "–" if reason.figure is None else plain(_brief(reason.figure) + unit)
    limit = "–" if reason.limit is None else plain(_brief(reason.limit) + unit)
    return [f"<b>{mark}{plain(reason.name)}</b>", plain(reason.sentence), plain(reason.structure or "–"), figure, limit, link]


def _brief(value: float) -> str:
    """Up to three significant digits, without zeros that say nothing."""
    written = number(value)
    return written.rstrip("0").rstrip(".") if "." in written and "×" not in written else written


def _counted(word: str, names: Sequence[str]) -> str:
    named = [name for name in names if name]
    return paragraph(f"{word} ({len(named)}): {', '.join(named)}.", "quiet") if named else ""


def _measured(name: str, value: float) -> str:
    return fixed(value, 2 if name.endswith("index") else 0 if name.endswith(("mm3", "mm2")) else 1)


def _sign(status: str) -> str:
    """A tick in a circle, an exclamation mark in a triangle, a cross in an octagon: told apart without colour."""
    if status == "pass":
        shape = element("circle", cx=24, cy=24, r=21, fill="#007a58")
        drawn = element("path", d=path_data([(13, 25), (21, 33), (36, 16)]), fill="none", stroke="#ffffff", stroke_width=5)
    elif status == "review":
        shape = element("path", d=path_data([(24, 3), (46, 43), (2, 43)], closed=True), fill=BLACK)
        inner = element("path", d=path_data([(24, 9), (41, 40), (7, 40)], closed=True), fill="#F0C442")
        drawn = inner + line(24, 18, 24, 30, colour=BLACK, width=4.5) + element("circle", cx=24, cy=35.5, r=2.6, fill=BLACK)
    else:
        corners = [(15, 3), (33, 3), (45, 15), (45, 33), (33, 45), (15, 45), (3, 33), (3, 15)]
        shape = element("path", d=path_data(corners, closed=True), fill="#b04a00")
        drawn = line(15, 15, 33, 33, colour="#ffffff", width=5.5) + line(33, 15, 15, 33, colour="#ffffff", width=5.5)
    return inline(f'<svg width="48" height="48" viewBox="0 0 48 48" aria-hidden="true">{shape}{drawn}</svg>')

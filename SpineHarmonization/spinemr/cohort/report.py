"""The report of a cohort: one page with everything inside but the studies' own reports, to which it links."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spinemr.cohort.cohort_folder import ABOUT, REPORT, STUDIES, about_cohort
from spinemr.cohort.dependence import Dependence, usable_scanners
from spinemr.cohort.pace import duration
from spinemr.cohort.report_numbers import VERDICTS, ReportNumbers, column_by_scanner, report_numbers
from spinemr.imaging.atomic import write_text_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.pipeline.result import TITLES
from spinemr.pipeline.results_folder import REPORT as STUDY_REPORT
from spinemr.radiomics.report.charts.bars import arrows
from spinemr.radiomics.report.charts.box_plot import box_plot
from spinemr.radiomics.report.charts.names import short_name
from spinemr.radiomics.report.charts.panel import HALF, WIDE
from spinemr.radiomics.report.charts.scales import fixed, number
from spinemr.radiomics.report.charts.svg import element, plain
from spinemr.radiomics.report.html import facts_table, figure, figures, page, paragraph, section, table
from spinemr.radiomics.report.sections import NOT_A_DEVICE, column_title

MOST_LINES, MOST_PLOTS, MOST_SCANNERS, MOST_ARROWS = 40, 6, 12, 18
_TELLING = (
    "L4-L5 disc: height_middle_mm",
    "L4-L5 disc: canal_depth_mm",
    "L3 vertebra: height_middle_mm",
    "lumbar spine: lordosis_l1_s1_deg",
)
"""Measurements that are drawn by scanner."""
_FEW_SCANNERS = 4


def write_report(root: Path, *, progress: ProgressCallback = silent) -> None:
    """Write report.html from the tables of a cohort."""
    progress(Progress("report", 0.0, "Report"))
    write_text_atomic(cohort_page(report_numbers(root), about_cohort(root)), root / REPORT)
    progress(Progress("report", 1.0, "Report"))


def cohort_page(numbers: ReportNumbers, about: Mapping[str, Any]) -> str:
    """The page."""
    title = "Cohort report"
    return page(
        title,
        [
            element("h1", plain(title)),
            section("At a glance", facts_table(_glance(numbers))),
            _verdicts(numbers),
            _dependence(numbers),
            section("Features by scanner", _features_said(numbers), figures(_feature_boxes(numbers), "charts")),
            _measurements(numbers),
            _outliers(numbers),
            _failures(numbers),
            section("Methods and versions", facts_table(_methods(about))),
            f"<footer>{plain(NOT_A_DEVICE)}</footer>",
        ],
    )


def _glance(numbers: ReportNumbers) -> dict[str, str]:
    scanners = [name for name in numbers.verdicts if name]
    counts = numbers.verdict_counts
    facts = {
        "Studies": f"{numbers.studies}, of them {numbers.finished} finished and {numbers.studies - numbers.finished} failed",
        "Verdicts": ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS),
        "Scanners": f"{len(scanners)}: {_listed(scanners)}",
    }
    if numbers.groups:
        facts["Groups"] = ", ".join(f"{name} ({count})" for name, count in sorted(numbers.groups.items()))
    facts["Harmonized by"] = ", ".join(f"{name} ({count})" for name, count in sorted(numbers.harmonized_by.items()))
    if numbers.finished:
        each = f"{numbers.seconds / numbers.finished:.1f} s a study"
        facts["Work"] = f"{duration(numbers.seconds)} in all, {each}; {numbers.peak_mb:.0f} MB at most in one process"
    return facts


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_SCANNERS])
    return f"{shown} and {len(names) - MOST_SCANNERS} more" if len(names) > MOST_SCANNERS else shown


def _verdicts(numbers: ReportNumbers) -> str:
    rows = []
    for scanner, counts in numbers.verdicts.items():
        total = sum(counts.values())
        shares = [f"{counts[verdict]} ({100 * counts[verdict] / total:.0f} %)" if total else "0" for verdict in VERDICTS]
        rows.append([plain(scanner), str(total), *shares])
    by_scanner = table(["Scanner", "Studies", *[verdict.capitalize() for verdict in VERDICTS]], rows)
    reasons = [[plain(title), plain(outcome), str(count)] for title, outcome, count in numbers.reasons[:MOST_LINES]]
    distrusted = [[link(case), plain(sentence)] for case, sentence in numbers.distrusted[:MOST_LINES]]
    return section(
        "Verdicts",
        by_scanner,
        element("h3", "Most frequent reasons") + table(["Rule", "Outcome", "Studies"], reasons, words=(1,)) if reasons else "",
        element("h3", "Not to be trusted") + table(["Study", "First reason"], distrusted, words=(1,)) if distrusted else "",
        _more(len(numbers.distrusted), "verdicts.parquet"),
    )


def _dependence(numbers: ReportNumbers) -> str:
    if not numbers.dependences:
        needs = "It needs two or more scanners with three studies each; a manifest names them."
        return section("Scanner dependence", paragraph(needs))
    images = numbers.level.images
    rows = []
    for kind, found in _by_kind(numbers.dependences).items():
        for place, row in enumerate(found["source"].rows):
            test = {"ks": "Kolmogorov-Smirnov", "welch": "Welch"}[row.test]
            cells = [found[image].rows[place] if image in found else None for image in images]
            shares = ["–" if one is None else f"{one.mean_count:.1f} of {one.features} ({one.percent:.0f} %)" for one in cells]
            rows.append([plain(kind.capitalize()), test, _correction(row.correction), *shares])
    header = ["Structures", "Test", "p values", *[f"Different, {image}" for image in images]]
    said = (
        "Intensity features (means over the structures of a study, shape left out) that differ between a scanner and all "
        "others, p < 0.05: the mean over scanners. Patients differ from scanner to scanner, too: what is left after "
        "harmonization is not all the scanner's."
    )
    tested = max(one.studies for one in numbers.dependences)
    if tested < numbers.finished:
        said += f" Tested: {tested} of {numbers.finished} studies; scanners with fewer than three are left out, of many some."
    drawn = figures(_moves(numbers), "charts")
    return section("Scanner dependence", paragraph(said, "quiet"), table(header, rows, words=(1, 2)), drawn)


def _by_kind(found: tuple[Dependence, ...]) -> dict[str, dict[str, Dependence]]:
    kinds: dict[str, dict[str, Dependence]] = {}
    for one in found:
        kinds.setdefault(one.kind, {})[one.image] = one
    return {kind: images for kind, images in kinds.items() if "source" in images}


def _correction(name: str) -> str:
    return {"none": "as they are", "benjamini-hochberg": "Benjamini-Hochberg"}.get(name, name)


def _moves(numbers: ReportNumbers) -> Iterator[str]:
    for kind, images in _by_kind(numbers.dependences).items():
        before = images["source"].distances
        after = images["harmonized"].distances if "harmonized" in images else {}
        worst = sorted(before, key=lambda name: -before[name])[:MOST_ARROWS]
        if after:
            yield figure(
                arrows(
                    {short_name(name): before[name] for name in worst},
                    {short_name(name): after.get(name, math.nan) for name in worst},
                    title=f"The most scanner dependent features, {kind}",
                    label="Kolmogorov-Smirnov D, mean over scanners (0: same distribution)",
                )
            )


def _features_said(numbers: ReportNumbers) -> str:
    if not numbers.dependences:
        return ""
    said = (
        "Of each family of textures the one that depends most on the scanner in the source; a value is the mean over a study's "
        "structures. A fixed number of bins leaves textures as they were where a method only shifts and scales grey values."
    )
    return paragraph(said, "quiet")


def _feature_boxes(numbers: ReportNumbers) -> Iterator[str]:
    """Textures alone: their bins make them comparable before and after, while grey values change their scale."""
    scanners = _drawn_scanners(numbers)
    place_of = {name: place for place, name in enumerate(numbers.level.features)}
    for kind, images in _by_kind(numbers.dependences).items():
        for name in _telling(images["source"].distances)[: MOST_PLOTS // 2]:
            columns = {image: numbers.level.values[image, kind][:, place_of[name]] for image in images}
            parts = {image: column_by_scanner(column, numbers.level, scanners) for image, column in columns.items()}
            groups = {scanner: {image: parts[image][scanner] for image in images} for scanner in scanners}
            width = HALF if len(scanners) <= _FEW_SCANNERS else WIDE
            short = short_name(name)
            yield figure(box_plot(groups, title=f"{short}, {kind}", label=short.rpartition(" ")[2], width=width))


def _drawn_scanners(numbers: ReportNumbers) -> tuple[str, ...]:
    """Those with most studies, by name."""
    return tuple(sorted(usable_scanners(numbers.level.scanners)[:MOST_SCANNERS]))


def _telling(distances: Mapping[str, float]) -> list[str]:
    """Textures by their distance, one of each family: those of a family go together."""
    first: dict[str, str] = {}
    for name in sorted(distances, key=lambda one: -distances[one]):
        family = name.rpartition("_")[0]
        if not family.endswith("_firstorder"):
            first.setdefault(family, name)
    return list(first.values())


def _measurements(numbers: ReportNumbers) -> str:
    names, values = numbers.measurements
    chosen = [name for name in _TELLING if name in names and np.isfinite(values[:, names.index(name)]).any()]
    scanners = _drawn_scanners(numbers) or ("",)
    drawn = []
    for name in chosen:
        column = values[:, names.index(name)]
        parts = column_by_scanner(column, numbers.level, scanners) if scanners != ("",) else {"all": column}
        structure, _, what = name.partition(": ")
        label = column_title(what)
        width = HALF if len(scanners) <= _FEW_SCANNERS else WIDE
        groups = {scanner: {"measured": part} for scanner, part in parts.items()}
        title = f"{structure[:1].upper()}{structure[1:]}: {label}"
        drawn.append(figure(box_plot(groups, title=title, label=label, width=width)))
    return section("Measurements by scanner", figures(drawn, "charts"))


def _outliers(numbers: ReportNumbers) -> str:
    rows = [
        [
            link(one.case), plain(_scanner_of(numbers, one.case)), f"{one.far} of {one.checked}", plain(_spelled(one.what)),
            number(one.value), number(one.middle), fixed(one.z, 1),
        ]
        for one in numbers.outliers
    ]  # fmt: skip
    said = (
        "Studies with most numbers beyond a modified z score of 3.5 (Iglewicz and Hoaglin 1993): intensity features of the "
        "source against the same scanner, measurements against all studies; structures cut by the view are left out. Features "
        "go together: many numbers may have one cause."
    )
    header = ["Study", "Scanner", "Numbers far out", "Farthest", "Value", "Median", "z"]
    if not rows:
        return section("Outliers", paragraph("No study lies far from the others."))
    return section("Outliers", paragraph(said, "quiet"), table(header, rows, numbers_from=2, words=(3,)))


def _spelled(what: str) -> str:
    structure, _, name = what.partition(": ")
    return f"{structure}: {column_title(name)}" if "_" in name else what


def _scanner_of(numbers: ReportNumbers, case: str) -> str:
    return numbers.level.scanners[numbers.level.cases.index(case)]


def _failures(numbers: ReportNumbers) -> str:
    there = set(numbers.level.cases)
    rows = []
    for one in numbers.failures[:MOST_LINES]:
        case = link(one.case) if one.case in there else plain(one.case)
        rows.append([case, plain(TITLES.get(one.stage, one.stage)), plain(one.cause), plain(one.sentence)])
    said = _more(len(numbers.failures), "failures.parquet")
    return section("Failures", table(["Study", "Stage", "Cause", "Why"], rows, numbers_from=9), said)


def _more(count: int, where: str) -> str:
    return paragraph(f"The first {MOST_LINES} of {count}; {where} has all of them.", "quiet") if count > MOST_LINES else ""


def link(case: str) -> str:
    """To the report of a study."""
    return element("a", plain(case), href=f"{STUDIES}/{case}/{STUDY_REPORT}")


def _methods(about: Mapping[str, Any]) -> dict[str, str]:
    try:
        return _told_methods(about["options"], about["made"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The {ABOUT} of the cohort is damaged.", "Go on with --resume and the same options.") from error


def _told_methods(options: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, str]:
    bins = options["settings"]["bin_count"]
    return {
        "Harmonization": f"{options['harmonize']}, strength {options['strength']:g}",
        "Segmentation": f"model {options['model']}, of the {options['segment_on']} image",
        "Features": f"{bins} bins" if bins else f"bin width {options['settings']['bin_width']:g}",
        "Scanner dependence": "Kolmogorov-Smirnov and Welch tests of each scanner against all others (Fatania 2022, Table 1)",
        "Boxes": "quartiles, whiskers to the last value within 1.5 box lengths (Tukey 1977)",
        "Versions": ", ".join(f"{name} {version}" for name, version in made["versions"].items()),
        "Started": str(made["created"]),
    }

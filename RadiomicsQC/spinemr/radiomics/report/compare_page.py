"""The report of two tables of features side by side: errors, agreement and what the scanner still leaves in them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spinemr.imaging.atomic import write_text_atomic
from spinemr.radiomics.report.charts.bland_altman import AgreementLines, Band, bland_altman
from spinemr.radiomics.report.charts.box_plot import box_plot
from spinemr.radiomics.report.charts.heat_map import heat_map
from spinemr.radiomics.report.charts.names import short_name, short_names
from spinemr.radiomics.report.charts.scales import fixed, number
from spinemr.radiomics.report.charts.svg import element, plain
from spinemr.radiomics.report.html import facts_table, figure, figures, page, paragraph, section, table
from spinemr.radiomics.report.sections import NOT_A_DEVICE
from spinemr.radiomics.statistics.comparison import ComparisonRow
from spinemr.radiomics.statistics.estimate import Estimate
from spinemr.radiomics.statistics.matching import matched
from spinemr.radiomics.table import FeatureTable

MOST_PLOTS = 6
_ROWS_OF_A_MAP = 42
_MOST_ROWS = 400
_GOOD_ICC, _ALPHA = 0.9, 0.05
"""Koo and Li 2016: above 0.9 is excellent."""


@dataclass(frozen=True)
class CompareContent:
    """Two tables, what they are called, and the rows of their comparison."""

    table_a: FeatureTable
    table_b: FeatureTable
    rows: tuple[ComparisonRow, ...]
    names: tuple[str, str] = ("A", "B")
    paired: bool = True
    title: str = "Comparison of radiomic features"
    provenance: Mapping[str, str] = field(default_factory=dict)


def write_compare_report(content: CompareContent, path: str | os.PathLike[str]) -> None:
    """Write the page of :func:`compare_page`, whole or not at all."""
    write_text_atomic(compare_page(content), path)


def compare_page(content: CompareContent) -> str:
    """One HTML page with everything inside; no case is named in it."""
    worst = worst_first(content.rows)[:MOST_PLOTS]
    said = f"The {len(worst)} features that agree least (by ICC)." if len(worst) < len(content.rows) else ""
    note = "The dark line is the bias, dashed the limits of agreement (± 1.96 SD); bands are their 95 % confidence intervals."
    return page(
        content.title,
        [
            element("h1", plain(content.title)),
            section("At a glance", facts_table(summary(content))),
            section("Relative error", figures(_heat_maps(content), "charts")),
            _section_of_plots("Agreement", [said, note], _agreements(content, worst)) if content.paired else "",
            _section_of_plots("By scanner", [said], _boxes(content, worst)),
            _rows_section(content),
            section("Methods and versions", facts_table({**_methods(content), **content.provenance})),
            f"<footer>{plain(NOT_A_DEVICE)}</footer>",
        ],
    )


def summary(content: CompareContent) -> dict[str, str]:
    """The few numbers a reader wants first."""
    rows, (a, b) = content.rows, content.names
    errors = [row.relative_error.value for row in rows if math.isfinite(row.relative_error.value)]
    what = "pairs" if content.paired else "values of each"
    counts = sorted({row.count for row in rows})
    facts = {
        "Compared": f"{b} against {a}, {'matched by case and structure' if content.paired else 'unpaired'}",
        "Features": str(len({row.feature for row in rows})),
        "Structures": str(len({row.structure for row in rows})),
        f"Number of {what}": (str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}") if counts else "0",
    }
    if errors:
        quartiles = np.percentile(errors, (25, 50, 75)) * 100
        facts["Relative error, median (quartiles)"] = (
            f"{fixed(quartiles[1], 1)} % ({fixed(quartiles[0], 1)} to {fixed(quartiles[2], 1)} %)"
        )
    iccs = [row.icc.value for row in rows if math.isfinite(row.icc.value)]
    if iccs:
        good = sum(value > _GOOD_ICC for value in iccs)
        facts[f"ICC(2,1) above {_GOOD_ICC:g}"] = f"{good} of {len(iccs)} ({100 * good / len(iccs):.0f} %)"
    for label, name in (("Kolmogorov-Smirnov", "ks_p_adjusted"), ("Wilcoxon signed-rank", "signed_rank_p_adjusted")):
        found = [getattr(row, name) for row in rows if math.isfinite(getattr(row, name))]
        if found:
            different = sum(value < _ALPHA for value in found)
            facts[f"{label}: different (adjusted p < {_ALPHA:g})"] = (
                f"{different} of {len(found)} ({100 * different / len(found):.0f} %)"
            )
    return facts


def worst_first(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Rows from the least agreement (ICC, else relative error) on, each feature once; those without figures are left out."""

    def badness(row: ComparisonRow) -> float:
        return -row.icc.value if math.isfinite(row.icc.value) else row.relative_error.value

    known = sorted((row for row in rows if math.isfinite(badness(row))), key=badness, reverse=True)
    first: dict[str, ComparisonRow] = {}
    for row in known:
        first.setdefault(row.feature, row)
    return list(first.values())


def _section_of_plots(heading: str, said: Sequence[str], plots: Iterator[str]) -> str:
    drawn = figures(plots, "charts")
    return section(heading, *[paragraph(sentence, "quiet") for sentence in said], drawn) if drawn else ""


def _heat_maps(content: CompareContent) -> Iterator[str]:
    features = list(dict.fromkeys(row.feature for row in content.rows))
    structures = list(dict.fromkeys(row.structure for row in content.rows))
    errors = {(row.feature, row.structure): 100 * row.relative_error.value for row in content.rows}
    grid = np.array([[errors.get((name, part), math.nan) for part in structures] for name in features]).reshape(
        len(features), len(structures)
    )
    finite = grid[np.isfinite(grid)]
    limit = _round_up(float(np.percentile(finite, 95))) if finite.size and finite.max() > 0 else 1.0
    parts = -(-len(features) // _ROWS_OF_A_MAP) or 1
    share = -(-len(features) // parts)
    for part in range(parts):
        chosen = slice(part * share, (part + 1) * share)
        title = f"Relative error of {content.names[1]} against {content.names[0]}" + (
            f", part {part + 1} of {parts}" if parts > 1 else ""
        )
        shown = short_names(features[chosen])
        yield figure(heat_map(grid[chosen], shown, structures, title=title, unit="relative error (%)", limit=limit, digits=1))


def _round_up(value: float) -> float:
    step = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(factor * step for factor in (1.0, 1.5, 2.0, 3.0, 5.0, 10.0) if factor * step >= value * 0.999)


def _agreements(content: CompareContent, rows: Sequence[ComparisonRow]) -> Iterator[str]:
    if not rows:
        return
    one, other = matched([content.table_a, content.table_b])
    for row in rows:
        kept = [index for index, first in enumerate(one.rows) if row.structure in ("all", first.structure)]
        a, b = one.column(row.feature)[kept], other.column(row.feature)[kept]
        lines = AgreementLines(_band(row.bias), _band(row.lower_limit), _band(row.upper_limit))
        yield figure(bland_altman(a, b, lines, title=_plot_title(row), names=content.names), _agreement_caption(row))


def _boxes(content: CompareContent, rows: Sequence[ComparisonRow]) -> Iterator[str]:
    scanners = list(dict.fromkeys(row.scanner for row in (*content.table_a, *content.table_b) if row.scanner))
    for row in rows if scanners else ():
        groups = {
            scanner: {
                name: [
                    one.features.get(row.feature, math.nan)
                    for one in source
                    if one.scanner == scanner and row.structure in ("all", one.structure)
                ]
                for name, source in zip(content.names, (content.table_a, content.table_b), strict=True)
            }
            for scanner in scanners
        }
        label = short_name(row.feature)
        yield figure(box_plot(groups, title=_plot_title(row), label=label, width=680.0 if len(scanners) > 4 else 335.0))


def _plot_title(row: ComparisonRow) -> str:
    return short_name(row.feature) if row.structure == "all" else f"{short_name(row.feature)}, {row.structure}"


def _agreement_caption(row: ComparisonRow) -> str:
    return f"n = {row.count}; ICC(2,1) {fixed(row.icc.value, 2)}, CCC {fixed(row.ccc.value, 2)}"


def _band(estimate: Estimate) -> Band:
    return Band(estimate.value, estimate.low, estimate.high)


def _rows_section(content: CompareContent) -> str:
    a, b = content.names
    several = len({row.structure for row in content.rows}) > 1
    header = ["Feature", *(["Structure"] if several else []), "n", f"Mean {a}", f"Mean {b}", "Relative error (%)"]
    header += ["Bias", "Limits of agreement", "ICC(2,1) [95 % CI]", "CCC"] if content.paired else ["Welch p, adjusted"]
    header += ["KS p, adjusted"]
    lines = []
    for row in content.rows[:_MOST_ROWS]:
        cells = [plain(short_name(row.feature)), *([plain(row.structure)] if several else []), str(row.count)]
        cells += [number(row.mean_a, 4), number(row.mean_b, 4), fixed(100 * row.relative_error.value, 1)]
        if content.paired:
            limits = f"{number(row.lower_limit.value)} to {number(row.upper_limit.value)}"
            icc = f"{fixed(row.icc.value, 2)} [{fixed(row.icc.low, 2)}, {fixed(row.icc.high, 2)}]"
            cells += [number(row.bias.value), limits, icc, fixed(row.ccc.value, 2)]
        else:
            cells += [_p_value(row.welch_p_adjusted)]
        lines.append([*cells, _p_value(row.ks_p_adjusted)])
    beyond = len(content.rows) - len(lines)
    said = f"The first {len(lines)} of {len(content.rows)} rows; a .csv or .json result holds all of them." if beyond > 0 else ""
    return section("All figures", paragraph(said, "quiet"), table(header, lines, words=(1,) if several else ()))


def _p_value(value: float) -> str:
    return "–" if not math.isfinite(value) else "&lt; 0.001" if value < 0.001 else fixed(value, 3)


def _methods(content: CompareContent) -> dict[str, str]:
    a, b = content.names
    said = {"Relative error": f"mean of |{b} − {a}| / |{a}|" if content.paired else f"|mean({b}) − mean({a})| / |mean({a})|"}
    if content.paired:
        said["Agreement"] = "Bland and Altman 1986; ICC(2,1) for absolute agreement; Lin's concordance correlation (CCC)"
    said["Tests"] = "two-sided; p values adjusted for all rows of the comparison"
    return said

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from spinemr.radiomics.report.compare_page import CompareContent, compare_page, summary, worst_first
from spinemr.radiomics.statistics.agreement import bland_altman
from spinemr.radiomics.statistics.comparison import compare
from spinemr.radiomics.table import FeatureRow, FeatureTable

NAMES = ("original_glcm_Idmn", "original_shape_MeshVolume", "original_firstorder_Mean")


def tables(seed: int = 1, cases: int = 9) -> tuple[FeatureTable, FeatureTable]:
    rng = np.random.default_rng(seed)
    first, second = [], []
    for case in range(cases):
        scanner = ("one <3T>", "two")[case % 2]
        for label, structure in ((123, "L4-L5 disc"), (124, "L5-S1 disc")):
            values = rng.normal((1.0, 3000.0, 100.0), (0.1, 300.0, 10.0))
            key = {"case": f"Mueller{case}", "image": "x", "label": label, "structure": structure, "scanner": scanner}
            first.append(FeatureRow(features=dict(zip(NAMES, values, strict=True)), **key))
            after = values * (1.1, 1.0, 1.0) + rng.normal(0, (0.01, 0.0, 15.0))
            second.append(FeatureRow(features=dict(zip(NAMES, after, strict=True)), **key))
    return FeatureTable(tuple(first)), FeatureTable(tuple(second))


def content(*, paired: bool = True, by_structure: bool = False) -> CompareContent:
    a, b = tables()
    return CompareContent(a, b, compare(a, b, paired=paired, by_structure=by_structure), ("source", "harmonized"), paired)


def parsed(page: str) -> ET.Element:
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def titles(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter("text") if one.get("class") == "chart-title"]


def test_the_page_has_its_plots_and_names_no_case() -> None:
    page = compare_page(content())
    root = parsed(page)
    shown = titles(root)
    assert shown[0] == "Relative error of harmonized against source"
    assert shown.count("firstorder Mean") == 2 and shown.count("glcm Idmn") == 2, "agreement and by scanner"
    assert "Mueller" not in page and "http" not in page and not list(root.iter("script"))
    assert {one.text for one in root.iter("text") if one.get("class") == "group"} == {"one <3T>", "two"}


def test_bland_altman_lines_are_those_of_the_statistics() -> None:
    a, b = tables()
    expected = bland_altman(a.column(NAMES[2]), b.column(NAMES[2]))
    figure = next(
        one
        for one in parsed(compare_page(content())).iter("figure")
        if titles(one) == ["firstorder Mean"] and "ICC" in "".join(one.itertext())
    )
    values = [float((one.text or "").replace("−", "-")) for one in figure.iter("text") if one.get("class") == "line-value"]
    assert values == pytest.approx([expected.upper.value, expected.bias.value, expected.lower.value], rel=0.006)
    assert len([one for one in figure.iter("circle") if one.get("class") == "point"]) == 18


def test_the_heat_map_has_a_cell_for_each_feature_and_structure() -> None:
    compared = content(by_structure=True)
    figure = next(one for one in parsed(compare_page(compared)).iter("figure") if titles(one)[0].startswith("Relative error"))
    values = [one.text for one in figure.iter("text") if one.get("class") == "value"]
    errors = {(row.feature, row.structure): 100 * row.relative_error.value for row in compared.rows}
    expected = [f"{errors[name, structure]:.1f}" for name in NAMES for structure in ("L4-L5 disc", "L5-S1 disc")]
    assert values == expected


def test_long_lists_of_features_are_parted_and_cut() -> None:
    base = content()
    many = tuple(replace(base.rows[0], feature=f"original_glcm_F{i}") for i in range(450))
    long = replace(base, rows=(*base.rows[:1], *many))
    a = FeatureTable(
        tuple(replace(row, features={**row.features, **dict.fromkeys((r.feature for r in many), 1.0)}) for row in base.table_a)
    )
    page = compare_page(replace(long, table_a=a, table_b=a))
    assert "part 1 of 11" in page and "The first 400 of 451 rows" in page


def test_unpaired_tables_have_no_agreement() -> None:
    text = "".join(parsed(compare_page(content(paired=False))).itertext())
    assert "Bland" not in text and "unpaired" in text and "Welch p, adjusted" in text


def test_the_summary_counts() -> None:
    facts = summary(content())
    assert facts["Features"] == "3" and facts["Structures"] == "1" and facts["Number of pairs"] == "18"
    assert facts["ICC(2,1) above 0.9"] == "1 of 3 (33 %)", "only the volume, which harmonization does not touch"


def test_the_worst_come_first_once_each() -> None:
    rows = content(by_structure=True).rows
    ordered = worst_first(rows)
    assert [row.feature for row in ordered][-1] == NAMES[1] and len(ordered) == 3
    assert ordered[0].icc.value == min(row.icc.value for row in rows)


def test_nothing_to_compare_still_makes_a_page() -> None:
    a, b = tables(cases=1)
    few = CompareContent(a, b, compare(a, b))
    assert "fewer" not in compare_page(few)
    assert "Comparison" in "".join(parsed(compare_page(CompareContent(FeatureTable(()), FeatureTable(()), ()))).itertext())

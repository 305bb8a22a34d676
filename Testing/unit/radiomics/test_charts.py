from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from spinemr.radiomics.report.charts.bars import arrows, bars
from spinemr.radiomics.report.charts.bland_altman import AgreementLines, Band, bland_altman
from spinemr.radiomics.report.charts.box_plot import box_of, box_plot
from spinemr.radiomics.report.charts.heat_map import heat_map
from spinemr.radiomics.report.charts.histogram import bin_edges, bin_shares, histogram
from spinemr.radiomics.report.charts.names import short_name
from spinemr.radiomics.report.charts.palette import STYLES, as_hex, diverging, ink_on, sequential
from spinemr.radiomics.report.charts.panel import spread
from spinemr.radiomics.report.charts.scales import fixed, number, spanning, starting_at_zero, tick_labels
from spinemr.radiomics.report.charts.selection import correlation_chart, variation_chart
from spinemr.radiomics.report.charts.svg import fitted, inline, text_width, wrapped, write_svg

SVG = "{http://www.w3.org/2000/svg}"
ODD = "<script>alert('é')</script> & \"Lékař\" \x00\x1b 日本"


def drawn(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for mark in root.iter():
        for name, limit in (("x", width), ("cx", width), ("x1", width), ("y", height), ("cy", height), ("y1", height)):
            assert -0.01 <= float(mark.get(name, "0")) <= limit + 0.01, (mark.tag, mark.attrib)
    return root


def of_class(root: ET.Element, kind: str) -> list[ET.Element]:
    return [mark for mark in root.iter() if mark.get("class") == kind]


def said(root: ET.Element, kind: str) -> list[str]:
    return [mark.text or "" for mark in of_class(root, kind)]


def read_axis(root: ET.Element, kind: str, place: str) -> tuple[float, float]:
    """Slope and offset from places to values, by the printed ticks alone."""
    ticks = of_class(root, kind)
    values = [float((tick.text or "").replace("−", "-")) for tick in ticks]
    shift = 4.0 if kind == "y-tick" else 0.0
    places = [float(tick.get(place, "nan")) - shift for tick in ticks]
    assert len(values) >= 2
    slope = (values[-1] - values[0]) / (places[-1] - places[0])
    np.testing.assert_allclose(values, values[0] + slope * (np.array(places) - places[0]), atol=abs(slope) * 0.02)
    return slope, values[0] - slope * places[0]


def value_at(root: ET.Element, kind: str, place: str, at: float) -> float:
    slope, offset = read_axis(root, kind, place)
    return slope * at + offset


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)), (-3.0, 7.1, (-2.0, 0.0, 2.0, 4.0, 6.0)), (0.0, 97.0, (0, 20, 40, 60, 80))],
)
def test_ticks_are_round_numbers_within_the_scale(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert spanning([low, high], margin=0.0).ticks() == pytest.approx(ticks)


def test_a_logarithmic_scale_ticks_at_decades_and_places_by_ratio() -> None:
    scale = spanning([0.01, 1000.0], logarithmic=True, margin=0.0).placed(0.0, 100.0)
    assert scale.ticks() == pytest.approx((0.01, 0.1, 1, 10, 100, 1000))
    assert scale(10.0) - scale(1.0) == pytest.approx(scale(1.0) - scale(0.1))


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_scales_of_nothing_span_zero_to_one(values: list[float]) -> None:
    assert (spanning(values, margin=0.0).low, spanning(values, margin=0.0).high) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 5.0, -3e-9, 1e12])
def test_a_scale_of_one_value_holds_it_in_the_middle(value: float) -> None:
    scale = spanning([value, value]).placed(0.0, 1.0)
    assert scale(value) == pytest.approx(0.5)


def test_bars_start_at_zero() -> None:
    assert starting_at_zero([3.0, math.nan, 8.0]).low == 0.0


def test_tick_labels_share_digits_and_tell_a_common_power() -> None:
    assert tick_labels((0.0, 0.25, 0.5)) == (("0.00", "0.25", "0.50"), 0)
    assert tick_labels((-200000.0, 0.0, 200000.0)) == (("−200", "0", "200"), 3)
    assert tick_labels((0.0, 0.001, 0.002)) == (("0", "1", "2"), -3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1234"),
        (0.012345, "0.0123"),
        (-2.5, "−2.50"),
        (1.5e7, "1.50×10⁷"),
        (2e-6, "2.00×10⁻⁶"),
        (math.nan, "–"),
    ],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert number(value) == text


def test_zero_has_no_sign() -> None:
    assert fixed(-0.0001, 2) == "0.00"
    assert fixed(None, 2) == "–"


def test_text_is_fitted_and_wrapped_into_its_room() -> None:
    assert fitted("short", 100.0) == "short"
    long = fitted("a very long name of a feature", 60.0)
    assert long.endswith("…") and text_width(long) <= 60.0
    assert wrapped("CycleGAN with losses", 92.0) == ("CycleGAN with", "losses")


def test_labels_are_spread_without_overlap_and_in_order() -> None:
    placed = spread([10.0, 11.0, 12.0, 90.0], 15.0, 5.0, 95.0)
    assert np.all(np.diff(placed) >= 14.9) and min(placed) >= 4.9 and max(placed) <= 95.1


def test_series_differ_in_more_than_colour() -> None:
    for place, style in enumerate(STYLES):
        for other in STYLES[place + 1 :]:
            assert (style.dash, style.marker) != (other.dash, other.marker)


def test_ramps_are_monotonic_in_lightness_and_ink_reads_on_them() -> None:
    lightness = [np.dot(sequential(share), (0.299, 0.587, 0.114)) for share in np.linspace(0, 1, 21)]
    assert np.all(np.diff(lightness) < 0)
    assert diverging(0.5) == (247, 247, 247)
    assert ink_on(sequential(0.0)) == "#000000" and ink_on(sequential(1.0)) == "#ffffff"


def test_heat_map_colours_and_prints_each_value() -> None:
    root = drawn(
        heat_map(np.array([[0.0, 50.0], [100.0, math.nan]]), ["a", "b"], ["m", "n"], title="T", unit="%", limit=100.0, digits=0)
    )
    cells = of_class(root, "cell")
    assert [cell.get("fill") for cell in cells] == [
        as_hex(sequential(0)),
        as_hex(sequential(0.5)),
        as_hex(sequential(1)),
        "#d9d9d9",
    ]
    assert said(root, "value") == ["0", "50", "100", "–"]
    assert said(root, "row-name") == ["a", "b"] and said(root, "column-name") == ["m", "n"]
    assert said(root, "bar-title") == ["%"]
    first, second, below, _ = cells
    assert float(second.get("x", "0")) > float(first.get("x", "0")) and float(below.get("y", "0")) > float(first.get("y", "0"))


def test_heat_map_frames_the_smallest_magnitude_of_each_row() -> None:
    root = drawn(
        heat_map(np.array([[5.0, -1.0], [math.nan, math.nan]]), ["a", "b"], ["m", "n"], title="T", unit="u", mark_smallest=True)
    )
    (frame,) = of_class(root, "smallest")
    assert float(frame.get("x", "0")) == pytest.approx(float(of_class(root, "cell")[1].get("x", "0")) + 2, abs=0.02)


def test_heat_map_says_when_values_lie_beyond_its_colours() -> None:
    values = np.r_[np.linspace(0, 10, 40), 500.0].reshape(41, 1)
    root = drawn(heat_map(values, [f"f{i}" for i in range(41)], ["m"], title="T", unit="u"))
    assert any(tick.startswith("≥") for tick in said(root, "bar-tick"))


def test_a_wide_correlation_matrix_stays_on_the_page() -> None:
    names = [f"glcm Feature{i}" for i in range(40)]
    root = drawn(heat_map(np.eye(40), names, names, title="r", unit="Pearson r", kind="diverging", limit=1.0))
    assert len(of_class(root, "cell")) == 1600
    assert of_class(root, "cell")[0].get("fill") == as_hex(diverging(1.0))


LINES = AgreementLines(Band(1.0, 0.5, 1.5), Band(-3.0, -4.0, -2.0), Band(5.0, 4.0, 6.0))


def test_bland_altman_places_points_and_lines_by_its_axes() -> None:
    first, second = np.array([10.0, 12.0, 20.0, np.nan]), np.array([11.0, 15.0, 18.0, 3.0])
    root = drawn(bland_altman(first, second, LINES, title="T", names=("A", "B"), unit="mm"))
    points = of_class(root, "point")
    assert [value_at(root, "x-tick", "x", float(p.get("cx", "0"))) for p in points] == pytest.approx([10.5, 13.5, 19.0], abs=0.05)
    assert [value_at(root, "y-tick", "y", float(p.get("cy", "0"))) for p in points] == pytest.approx([1.0, 3.0, -2.0], abs=0.08)
    for kind, value in (("bias", 1.0), ("upper", 5.0), ("lower", -3.0), ("zero", 0.0)):
        (line,) = of_class(root, kind)
        assert value_at(root, "y-tick", "y", float(line.get("y1", "0"))) == pytest.approx(value, abs=0.08)
    band = of_class(root, "band")[0]
    assert value_at(root, "y-tick", "y", float(band.get("y", "0"))) == pytest.approx(6.0, abs=0.08)
    assert said(root, "y-title") == ["B − A (mm)"] and said(root, "line-value") == ["5.00", "1.00", "−3.00"]


def test_bland_altman_without_limits_and_without_pairs() -> None:
    alone = AgreementLines(Band(1.0, math.nan, math.nan), Band(math.nan, math.nan, math.nan), Band(math.nan, math.nan, math.nan))
    root = drawn(bland_altman(np.array([1.0]), np.array([2.0]), alone, title="T", names=("A", "B")))
    assert len(of_class(root, "point")) == 1 and said(root, "line-value") == ["1.00"]
    assert "no pairs" in bland_altman(np.array([np.nan]), np.array([2.0]), alone, title="T", names=("A", "B"))


def test_box_by_hand() -> None:
    box = box_of([1.0, 2.0, 3.0, 4.0, 5.0, 100.0, np.nan])
    assert box is not None
    assert (box.first, box.median, box.third) == pytest.approx((2.25, 3.5, 4.75))
    assert (box.low, box.high, box.outliers, box.count) == (1.0, 5.0, (100.0,), 6)
    assert box_of([np.nan]) is None


def test_of_very_many_outliers_some_are_drawn_and_both_ends_are() -> None:
    values = np.concatenate([np.linspace(-1, 1, 4000), np.linspace(50, 60, 500)])
    drawn = box_plot({"a": {"source": values}}, title="t", label="l")
    assert drawn.count('class="value"') == 60
    assert box_of(values).count == 4500


def test_box_plot_places_boxes_by_its_axis() -> None:
    groups = {"one": {"source": [1.0, 2.0, 3.0], "harmonized": [2.0, 2.0, 2.0]}, "two": {"source": [4.0], "harmonized": []}}
    root = drawn(box_plot(groups, title="T", label="Idmn", reference=2.5))
    medians = [value_at(root, "y-tick", "y", float(line.get("y1", "0"))) for line in of_class(root, "median")]
    assert medians == pytest.approx([2.0, 2.0, 4.0], abs=0.03)
    box = of_class(root, "box")[0]
    assert value_at(root, "y-tick", "y", float(box.get("y", "0"))) == pytest.approx(2.5, abs=0.03)
    assert said(root, "group") == ["one", "two"] and said(root, "count") == ["n = 3", "n = 0 to 1"]
    assert value_at(root, "y-tick", "y", float(of_class(root, "reference")[0].get("y1", "0"))) == pytest.approx(2.5, abs=0.03)


def test_histogram_shares_add_up_and_follow_the_axis() -> None:
    values = np.r_[np.zeros(30), np.ones(10)]
    edges = bin_edges([values], 4)
    shares = bin_shares(values, edges)
    assert shares.tolist() == [0.75, 0.0, 0.0, 0.25]
    root = drawn(histogram({"source": values}, title="T", bins=4))
    (outline,) = of_class(root, "series")
    highest = min(float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", outline.get("d", "")))
    assert value_at(root, "y-tick", "y", highest) == pytest.approx(75.0, abs=0.6)
    assert said(root, "y-title") == ["share of voxels (%)"]


def test_histogram_outliers_count_in_the_last_bin() -> None:
    edges = np.linspace(0.0, 1.0, 3)
    assert bin_shares(np.array([-5.0, 0.2, 9.0, 0.9]), edges).tolist() == [0.5, 0.5]


def test_bars_end_at_their_values() -> None:
    root = drawn(bars({"a": 3.0, "b": -1.0, "c": math.nan}, title="T", label="x (mm)", chosen={"a"}, limit=2.0))
    first, second = of_class(root, "bar")
    right = float(first.get("x", "0")) + float(first.get("width", "0"))
    assert value_at(root, "x-tick", "x", right) == pytest.approx(3.0, abs=0.02)
    assert value_at(root, "x-tick", "x", float(second.get("x", "0"))) == pytest.approx(-1.0, abs=0.02)
    assert value_at(root, "x-tick", "x", float(of_class(root, "limit")[0].get("x1", "0"))) == pytest.approx(2.0, abs=0.02)
    assert "not defined" in "".join(root.itertext())


def test_bars_over_many_decades_become_dots() -> None:
    root = drawn(bars({"a": 0.001, "b": 0.1, "c": 10.0}, title="T", label="CV"))
    places = [float(dot.get("cx", "0")) for dot in of_class(root, "dot")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.05)
    assert not of_class(root, "bar")


def test_arrows_go_from_before_to_after() -> None:
    root = drawn(arrows({"a": 40.0, "b": 5.0}, {"a": 10.0}, title="T", label="error (%)"))
    before, after, moves = of_class(root, "before"), of_class(root, "after"), of_class(root, "move")
    assert (len(before), len(after), len(moves)) == (2, 1, 1)
    assert value_at(root, "x-tick", "x", float(before[0].get("cx", "0"))) == pytest.approx(40.0, abs=0.1)
    assert value_at(root, "x-tick", "x", float(moves[0].get("x2", "0"))) == pytest.approx(10.0, abs=0.1)


def test_selection_figures_show_what_goes_on_and_what_is_struck() -> None:
    variation = {f"original_glcm_F{i}": (i + 1) * 0.1 for i in range(60)}
    root = drawn(variation_chart(dict(reversed(variation.items())), ["original_glcm_F0", "original_glcm_F1"]))
    names = of_class(root, "row-name")
    assert [(name.text or "") for name in names][:2] == ["glcm F0", "glcm F1"]
    assert [name.get("font-weight") for name in names][:3] == ["bold", "bold", None]
    correlation = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, math.nan], [0.1, math.nan, 1.0]])
    listed = list(variation)[:3]
    root = drawn(correlation_chart(listed, correlation, [listed[0], listed[2]], threshold=0.8))
    pairs = of_class(root, "pair")
    assert len(pairs) == 2
    assert float(pairs[0].get("r", "0")) / float(pairs[1].get("r", "0")) == pytest.approx(3.0, abs=0.02)
    assert [float(pair.get("stroke-width", "0")) for pair in pairs] == [1.7, 0.4]
    assert [name.get("text-decoration") for name in of_class(root, "row-name")] == [None, "line-through", None]


def every_chart(name: str) -> list[str]:
    values = np.array([1.0, 2.0, 4.0])
    return [
        heat_map(values[:1, None], [name], [name], title=name, unit=name),
        bland_altman(values, values + 1, LINES, title=name, names=(name, name), unit=name),
        box_plot({name: {name: values}}, title=name, label=name),
        histogram({name: values}, title=name, label=name),
        bars({name: 1.0}, title=name, label=name, chosen={name}),
        arrows({name: 1.0}, {name: 2.0}, title=name, label=name, names=(name, name)),
        variation_chart({name: 1.0}, [name], title=name),
        correlation_chart([name], np.ones((1, 1)), [name], threshold=0.8, title=name),
    ]


def test_odd_names_are_escaped_and_nothing_comes_from_outside() -> None:
    for svg in every_chart(ODD):
        root = drawn(svg)
        assert not list(root.iter(f"{SVG}script"))
        assert "<script" not in svg and "\x00" not in svg
        assert "http" not in inline(svg) and "href" not in svg and "@import" not in svg
        assert ODD.replace("\x00\x1b", "") in (root.find(f"{SVG}title").text or "")  # type: ignore[union-attr]


def test_charts_of_nothing_say_so() -> None:
    none = np.empty(0)
    empty = [
        heat_map(np.empty((0, 0)), [], [], title="T", unit="u"),
        bland_altman(none, none, LINES, title="T", names=("A", "B")),
        box_plot({}, title="T", label="x"),
        box_plot({"a": {"b": [np.nan]}}, title="T", label="x"),
        histogram({"a": none}, title="T"),
        bars({}, title="T", label="x"),
        arrows({"a": math.nan}, {}, title="T", label="x"),
        correlation_chart([], np.empty((0, 0)), [], threshold=0.8, title="T"),
    ]
    for svg in empty:
        assert "There are no" in "".join(drawn(svg).itertext())


def test_charts_are_written_as_files_of_their_own(tmp_path) -> None:
    write_svg(bars({"é": 1.0}, title="T", label="x"), tmp_path / "chart.svg")
    assert ET.parse(tmp_path / "chart.svg").getroot().tag == f"{SVG}svg"


def test_feature_names_are_shortened() -> None:
    assert short_name("original_glcm_Idmn") == "glcm Idmn"
    assert short_name("wavelet-LLH_glcm_Idmn") == "wavelet-LLH glcm Idmn"

"""Make the pictures of docs/report.md: ``make docs-pictures``. Drawn studies only; the page itself needs Chromium to be seen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.harmonization.classical.histogram_match import HistogramMatch
from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.imaging.files import write_image, write_labels
from spinemr.radiomics.engine import features_of
from spinemr.radiomics.report.case_folder import read_case
from spinemr.radiomics.report.charts.bland_altman import AgreementLines, Band, bland_altman
from spinemr.radiomics.report.charts.box_plot import box_plot
from spinemr.radiomics.report.charts.heat_map import heat_map
from spinemr.radiomics.report.charts.histogram import histogram
from spinemr.radiomics.report.charts.names import short_name, short_names
from spinemr.radiomics.report.charts.selection import selection_charts
from spinemr.radiomics.report.charts.svg import write_svg
from spinemr.radiomics.report.display import Display, fullest_slice
from spinemr.radiomics.report.page import write_report
from spinemr.radiomics.report.pictures import checkerboard, outlined
from spinemr.radiomics.settings import Settings
from spinemr.radiomics.statistics.agreement import bland_altman as agreement
from spinemr.radiomics.statistics.relative_error import relative_errors
from spinemr.radiomics.statistics.selection import select_features
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.synthesis.study import DrawnStudy, draw_pair

HERE = Path(__file__).parent
SOURCES, REFERENCE = ("cedar-1.5t-t2", "alder-1.5t-t2"), "birch-3t-t2"
DISCS = (121, 122, 123, 124)
CASES = range(301, 311)
TEXTURES = Settings(
    bin_count=64, feature_classes={"firstorder": (), "glcm": (), "glrlm": (), "glszm": (), "gldm": (), "ngtdm": ()}
)
KIM = tuple(
    f"original_{name}"
    for name in ("glcm_Idmn", "glcm_Correlation", "glcm_SumEntropy", "glrlm_ShortRunEmphasis", "glcm_DifferenceEntropy")
)
"""The five features of Kim 2024 (Table 6)."""


def rows(case: str, image: sitk.Image, labels: sitk.Image, name: str, scanner: str) -> list[FeatureRow]:
    """The features of the lower discs."""
    found = features_of(image, labels, TEXTURES, labels=DISCS)
    return [FeatureRow(case, name, label, f"disc {label}", features, scanner) for label, features in found.items()]


def cohort() -> tuple[dict[str, FeatureTable], list[tuple[DrawnStudy, DrawnStudy]]]:
    """Tables of features by image, and the pairs: one anatomy by a source scanner and by the reference."""
    pairs = [draw_pair(seed, (SOURCES[seed % 2], REFERENCE), pathology=()) for seed in CASES]
    nyul = fit_nyul([two.image for _, two in pairs[:4]])
    made: dict[str, list[FeatureRow]] = {"source": [], "z-score": [], "Nyul": [], "reference": []}
    for one, two in pairs:
        images = {"source": one.image, "z-score": ZScore().transform(one.image), "Nyul": nyul.transform(one.image)}
        for name, image in {**images, "reference": two.image}.items():
            scanner = two.scanner if name == "reference" else one.scanner
            made[name] += rows(one.name, image, one.labels, name, scanner)
        print(one.name)
    return {name: FeatureTable(tuple(found)) for name, found in made.items()}, pairs


def charts(tables: dict[str, FeatureTable]) -> None:
    """Heat map, Bland-Altman, box plot, and both steps of the selection."""
    methods = {name: table for name, table in tables.items() if name != "reference"}
    errors = relative_errors(methods, tables["reference"], KIM)
    grid = 100 * errors.errors.T if errors.errors.shape == (len(methods), len(KIM)) else 100 * errors.errors
    title, unit = "Relative error against the reference scanner", "relative error (%)"
    write(heat_map(grid, short_names(KIM), list(methods), title=title, unit=unit, digits=1, mark_smallest=True), "heat_map")
    name = KIM[4]
    one, other = tables["reference"].column(name), tables["Nyul"].column(name)
    found = agreement(one, other)
    lines = AgreementLines(*[Band(e.value, e.low, e.high) for e in (found.bias, found.lower, found.upper)])
    write(bland_altman(one, other, lines, title=short_name(name), names=("reference", "Nyul"), width=430.0), "bland_altman")
    scanners = [*SOURCES, REFERENCE]
    groups = {
        scanner: {
            image: [row.features[name] for row in tables[table].where(scanner=scanner)]
            for image, table in (("source", "source"), ("harmonized", "Nyul"))
            if scanner != REFERENCE
        }
        or {"reference": tables["reference"].column(name)}
        for scanner in scanners
    }
    write(box_plot(groups, title=f"{short_name(name)} by scanner", label=short_name(name), width=430.0), "box_plot")
    first, second = selection_charts(select_features(tables["reference"]))
    write(first, "selection_cv")
    write(second, "selection_correlation")


def pictures(one: DrawnStudy, harmonized: sitk.Image, two: DrawnStudy) -> None:
    """A slice with contours, the woven images, and histograms."""
    display = Display.of(one.image, one.labels)
    labels = display.stack(one.labels)
    middle = fullest_slice(labels, len(labels))
    grey, after = display.grey(one.image)[middle], display.grey(harmonized)[middle]
    write(outlined(display, grey, labels[middle], title="Contours"), "contours")
    write(checkerboard(display, grey, after, title="Source and harmonized woven"), "woven")
    inside = sitk.GetArrayFromImage(one.labels) > 100
    images = {"harmonized": harmonized, "reference": two.image}
    values = {name: sitk.GetArrayFromImage(image)[inside].astype(np.float64) for name, image in images.items()}
    write(histogram(values, title="Inside the discs", width=430.0), "histogram")


def page(one: DrawnStudy, harmonized: sitk.Image) -> None:
    """The upper part of a report, where Chromium is there to draw it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("report_page.png is left as it is: there is no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        write_image(one.image, Path(folder) / "image.nii.gz")
        write_image(harmonized, Path(folder) / "harmonized.nii.gz")
        write_labels(one.labels, Path(folder) / "labels.nii.gz")
        write_report(read_case(Path(folder)), Path(folder) / "report.html")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,1180"]
        shot = f"--screenshot={Path(folder) / 'page.png'}"
        subprocess.run([browser, *options, shot, (Path(folder) / "report.html").as_uri()], check=True, capture_output=True)
        picture = sitk.ReadImage(str(Path(folder) / "page.png"))
        sitk.WriteImage(picture, str(HERE / "report_page.jpg"), imageIO="JPEGImageIO", compressionLevel=85)


def write(svg: str, name: str) -> None:
    """One chart as a file."""
    write_svg(svg, HERE / f"report_{name}.svg")
    print(f"report_{name}.svg")


if __name__ == "__main__":
    made_tables, made_pairs = cohort()
    charts(made_tables)
    source, target = made_pairs[0]
    matched = HistogramMatch.fit(made_pairs[1][1].image).transform(source.image)
    pictures(source, matched, target)
    page(source, matched)

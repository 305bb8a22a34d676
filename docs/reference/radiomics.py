"""Write the tables of docs/radiomics.md anew from the catalogue of features: ``python docs/reference/radiomics.py``.

``python docs/reference/radiomics.py --bins`` prints the table about bin widths instead, measured on a drawn study.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.catalogue import CATALOGUE, FAMILIES, Entry
from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.preparation import normalized
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings
from spinemr.synthesis.study import draw_study

PAGE = Path(__file__).resolve().parents[1] / "radiomics.md"
BEGIN = "<!-- From here on made by docs/reference/radiomics.py -->\n"
DISC = 123
GAIN, OFFSET = 1.3, 10.0
SHOWN = {
    "firstorder": ("Entropy",),
    "glcm": ("Idmn", "Correlation", "SumEntropy", "DifferenceEntropy"),
    "glrlm": ("ShortRunEmphasis",),
}
WAYS = {
    "width 25 (default)": Settings(),
    "width 10": Settings(bin_width=10),
    "width 5": Settings(bin_width=5),
    "width 1": Settings(bin_width=1),
    "64 bins": Settings(bin_count=64),
    "normalized to 100, width 10": Settings(normalize=True, normalize_scale=100, bin_width=10),
}


def page(text: str) -> str:
    """The page with its tables made anew; what stands above the mark is left as it is."""
    return text.partition(BEGIN)[0] + BEGIN + "\n".join(_family(name) for name in FAMILIES)


def _family(name: str) -> str:
    family = FAMILIES[name]
    rows = "".join(_row(entry) for entry in CATALOGUE if entry.family == name)
    head = "| feature | formula | IBSI | unit | remark |\n|---|---|---|---|---|\n"
    return f"\n### {family.title} (`{name}`)\n{family.symbols}\n\n{head}{rows}"


def _row(entry: Entry) -> str:
    formula = entry.formula.replace("|", "\\|")
    return f"| {entry.name} | `{formula}` | {entry.ibsi or '-'} | {entry.unit} | {entry.remark.replace('|', chr(92) + '|')} |\n"


def bins() -> str:
    """What the bins do to some features of one disc, and how far each moves when the image becomes brighter and steeper."""
    study = draw_study(7, scanner="alder-1.5t-t2", pathology=())
    image = sitk.Cast(sitk.RescaleIntensity(study.image, 0, 255), sitk.sitkFloat32)
    names = [f"{family}_{name}" for family, chosen in SHOWN.items() for name in chosen]
    lines = ["| bins | levels | " + " | ".join(name.partition("_")[2] for name in names) + " |", "|---" * (len(names) + 2) + "|"]
    for way, settings in WAYS.items():
        wanted = replace(settings, feature_classes=SHOWN)
        levels = discretize(Region.of(normalized(image, wanted), study.labels, DISC), wanted).count
        plain, moved = (extract(pixels, study.labels, wanted, labels=[DISC])[DISC] for pixels in (image, image * GAIN + OFFSET))
        values = [(plain[f"original_{name}"], moved[f"original_{name}"] / plain[f"original_{name}"] - 1) for name in names]
        lines.append(f"| {way} | {levels} | " + " | ".join(f"{value:.3f} ({100 * move:+.1f} %)" for value, move in values) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--bins" in sys.argv[1:]:
        print(bins(), end="")
    else:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

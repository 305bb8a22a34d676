"""Make the pictures of docs/drawn_studies.md: ``make docs-pictures`` (needs the dev extra for Pillow)."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.overview import contact_sheet
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.request import GRADES, PATHOLOGIES, Request
from spinemr.synthesis.sample import draw_samples
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import DrawnStudy, draw_study

HERE = Path(__file__).parent
TILE = 250
CAPTION = 20
GROUND, INK = 17, 225
Grey = NDArray[np.uint8]


def grey(pixels: NDArray[np.floating], top_percentile: float = 99.5) -> Grey:
    """Intensities from zero to a bright percentile as 8 bit."""
    return np.clip(pixels / max(float(np.percentile(pixels, top_percentile)), 1e-6) * 255.0, 0, 255).astype(np.uint8)


def working_array(image: sitk.Image) -> NDArray[np.floating]:
    """Slices right to left, rows head to foot, columns front to back."""
    return WorkingFrame.of(image).forward_array(sitk.GetArrayViewFromImage(image)).astype(np.float32)


def slice_at(study: DrawnStudy, x_mm: float) -> int:
    """The index of the slice nearest to a place left (+) of the middle of L3."""
    middle = next(b for b in study.truth["vertebrae"] if b["label"] == 22)["centre_mm"][0]
    frame = WorkingFrame.of(study.image)
    first, distance = frame.working_grid.origin_mm[0], frame.working_grid.spacing_mm[2]
    return int(np.clip(round((middle + x_mm - first) / distance), 0, frame.working_size[2] - 1))


def tile(pixels: Grey, caption: str, size: tuple[int, int] = (TILE, TILE)) -> Image.Image:
    """A picture, fitted into a tile over its caption."""
    picture = Image.new("L", (size[0], size[1] + CAPTION), GROUND)
    shown = Image.fromarray(pixels)
    shown.thumbnail(size, Image.Resampling.LANCZOS) if max(shown.size) > max(size) else None
    scale = min(size[0] / shown.width, size[1] / shown.height)
    shown = shown.resize((round(shown.width * scale), round(shown.height * scale)), Image.Resampling.BICUBIC)
    picture.paste(shown, ((size[0] - shown.width) // 2, 0))
    ImageDraw.Draw(picture).text((5, size[1] + 3), caption, fill=INK, font=ImageFont.load_default(13))
    return picture


def mount(tiles: list[Image.Image], columns: int, name: str) -> None:
    """Tiles in rows, written as JPEG."""
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("L", (columns * (width + 4), rows * (height + 4)), GROUND)
    for index, picture in enumerate(tiles):
        sheet.paste(picture, ((index % columns) * (width + 4) + 2, (index // columns) * (height + 4) + 2))
    sheet.save(HERE / name, quality=88)


def scanners() -> None:
    """One person by every simulated scanner: middle slice."""
    tiles = []
    for name in SCANNERS:
        study = draw_study(41, scanner=name, pathology=("herniation",))
        array = working_array(study.image)
        tiles.append(tile(grey(array[slice_at(study, 0.0)]), name))
    mount(tiles, 4, "scanners.jpg")


def overview() -> None:
    """Slices of one T2 study with and without their labels."""
    study = draw_study(7, scanner="birch-3t-t2")
    sheet = Image.fromarray(contact_sheet(study.image, study.labels, height=380))
    sheet.save(HERE / "overview.jpg", quality=88)


def lateral() -> None:
    """From the middle to the transverse processes, T1."""
    study = draw_study(52, scanner="birch-3t-t1", pathology=())
    array = working_array(study.image)
    places = (0, 8, 16, 24, 32)
    mount([tile(grey(array[slice_at(study, x)]), f"{x} mm left of the middle") for x in places], 5, "lateral.jpg")


def grades() -> None:
    """All discs at one Pfirrmann grade."""
    tiles = []
    for grade in GRADES:
        study = draw_study(33, scanner="birch-3t-t2", grade=grade, pathology=())
        tiles.append(tile(lumbar(study, 0.0), f"Pfirrmann {grade}", (200, 270)))
    mount(tiles, 5, "grades.jpg")


def lumbar(study: DrawnStudy, x_mm: float) -> Grey:
    """The lumbar part of a slice."""
    frame = WorkingFrame.of(study.image)
    column_mm, row_mm, _ = frame.working_grid.spacing_mm
    centres = {b["label"]: b["centre_mm"] for b in study.truth["vertebrae"]}
    _, y, z = np.asarray(centres[22]) - np.asarray(frame.working_grid.origin_mm)
    row, column = round(-z / row_mm), round(y / column_mm)
    high, front, back = round(105 / row_mm), round(45 / column_mm), round(110 / column_mm)
    return grey(working_array(study.image)[slice_at(study, x_mm)])[
        max(row - high, 0) : row + high, max(column - front, 0) : column + back
    ]


def pathologies() -> None:
    """Each pathology in T1 and T2."""
    tiles = []
    for name in PATHOLOGIES:
        for scanner in ("birch-3t-t1", "birch-3t-t2"):
            study = draw_study(seed_showing(name), scanner=scanner, grade="II", pathology=(name,))
            entry = study.truth["pathologies"][0]
            place = {"metal": 13.0}.get(name, float(entry.get("x_mm", 0.0)))
            tiles.append(tile(lumbar(study, place), f"{name}, {study.truth['weighting'].upper()}", (170, 230)))
    mount(tiles, 7, "pathologies.jpg")


def seed_showing(name: str) -> int:
    """The first person in whom a pathology lies in the middle of the lumbar spine (where it has a place)."""
    for seed in range(60, 160):
        entry = draw_spine(seed, Request("II", (name,))).pathologies[0]
        if "label" not in entry or name in ("l6", "sacralised_l5") or entry["label"] % 100 in (21, 22, 23):
            return seed
    raise LookupError(name)


def samples() -> None:
    """Training slices as they come."""
    drawn = islice(draw_samples(2), 15)
    mount([tile(grey(sample.image), sample.source, (190, 190)) for sample in drawn], 5, "samples.jpg")


if __name__ == "__main__":
    for make in (scanners, overview, lateral, grades, pathologies, samples):
        make()
        print(f"{make.__name__}: {make.__doc__}")

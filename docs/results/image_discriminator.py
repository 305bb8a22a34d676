"""Does an image discriminator move anatomy, as HarMOnAE's paper warns? Writes image_discriminator.md.

    python docs/results/harmonization.py -o out/harmonization
    python docs/results/image_discriminator.py -o out/harmonization

Goes on from the HarMOnAE that the first command trained, once without and once with an image discriminator. Needs PyTorch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from harmonization_images import drawn_sets
from harmonization_judged import TARGET, TRAINED, compared, cut
from harmonization_runs import style_blind
from harmonization_tables import MOVED_LIMIT_PIXELS, cell
from small_runs import table

from spinemr.harmonization.inference.runtime import Runtime
from spinemr.segmentation.training.sources import VALIDATION, LabelledSlice, SliceSet

HERE = Path(__file__).parent
STEPS, ANATOMIES = 200, 12
ARMS = {"without an image discriminator": 0.0, "with one": 2.0}
"""By row the weight of the image discriminator."""


def shown(network: Runtime, one: LabelledSlice) -> LabelledSlice:
    """A slice as the network shows it, without the safety net."""
    made = network(one.image[None, None].astype(np.float32) / np.float32(255))[0]
    return replace(one, image=np.clip(np.rint(made * 255), 0, 255).astype(np.uint8))


def row(name: str, network: Runtime, sets: dict[str, SliceSet]) -> tuple[str, ...]:
    """What happens to the slices of every other scanner; means over anatomies."""
    values: dict[str, list[list[float]]] = {"moved": [], "off": [], "ssim": [], "dssim": []}
    for scanner in TRAINED:
        found = []
        for one, true in zip(sets[scanner].slices, sets[TARGET].slices, strict=True):
            source = cut(one)
            found.append(compared(source, shown(network, source), cut(true)))
        for column, own in values.items():
            own.append([each[column] for each in found])
    means = {column: np.array(own) for column, own in values.items()}
    far = (f"{100 * float(np.mean(means[column] > MOVED_LIMIT_PIXELS)):.0f} %" for column in ("moved", "off"))
    usual = (cell(means[column].mean(axis=0), 2) for column in ("moved", "off"))
    return name, *(text for pair in zip(usual, far, strict=True) for text in pair), *(
        cell(means[column].mean(axis=0)) for column in ("dssim", "ssim")
    )  # fmt: skip


def page(folder: Path, steps: int, anatomies: int) -> Iterator[str]:
    """The page, line by line."""
    sets = drawn_sets([TARGET, *TRAINED], TARGET, "judged", anatomies, VALIDATION)
    start = str(folder / "harmonae" / "last.pt")
    count, heaviest = anatomies * len(TRAINED), max(ARMS.values())
    yield f"""# HarMOnAE with an image discriminator
Made by `python docs/results/image_discriminator.py`. The HarMOnAE of [the drawn pairs](harmonization.md) was trained for {steps}
more steps, once as before and once with a discriminator (weight {heaviest:g}) that wants harmonized images to look like those
of the scanner they are to be of. {anatomies} drawn anatomies that no training saw, from {len(TRAINED)} simulated scanners to
{TARGET}, without the safety net: {count} slices a row. Largest movement of a slice in pixels of 1.4 mm by matching
edges, against the source and against the target's own image, each with the share of slices above {MOVED_LIMIT_PIXELS}
pixels; means over anatomies with the 95 % interval of a bootstrap over them. One seed."""
    yield ""
    head = ("training", "moved", "slices", "off the target's own", "slices", "dSSIM-h", "SSIM to the truth")
    rows = []
    for name, weight in ARMS.items():
        place = folder / f"image_discriminator_{weight:g}"
        networks = style_blind([TARGET, *TRAINED], place, steps, image=weight, start_from=start)
        rows.append(row(name, networks[TARGET].runtime, sets))
    yield from (*table(head, rows), "")


def main() -> None:
    """See the text of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of harmonization.py")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--anatomies", type=int, default=ANATOMIES)
    parser.add_argument("--page", type=Path, default=HERE / "image_discriminator.md")
    arguments = parser.parse_args()
    text = "\n".join(page(arguments.output, arguments.steps, arguments.anatomies))
    arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

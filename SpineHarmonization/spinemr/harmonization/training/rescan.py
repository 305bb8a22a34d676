"""Real images as another scanner would have stored them: the same anatomy with a known truth, and content no drawing has.

What changes is what HarMOnAE's and Kim 2024's scanners differ in and a picture still shows: the curve of intensities, the uneven
reception of coils, noise and sharpness. The contrast stays of its kind; T1-weighted images do not become T2-weighted ones.
"""

from __future__ import annotations

import numpy as np

from spinemr.harmonization.training.stacks import Stack, eight_bit
from spinemr.segmentation.training.data import SLICE_MM
from spinemr.synthesis.augmentation.artefacts import RicianNoise
from spinemr.synthesis.augmentation.compose import Compose
from spinemr.synthesis.augmentation.intensity import Bias, Blur, CoilFallOff, RandomCurve
from spinemr.synthesis.augmentation.labelled import Sample


def other_scanner(strength: float) -> Compose:
    """What another scanner may do to an image; ``strength`` (0..1) is how far it may go."""
    return Compose(
        (
            Blur((0.0, 0.8 * strength)),
            CoilFallOff((0.0, 0.8 * strength)),
            Bias((0.0, 0.3 * strength)),
            RandomCurve((0.0, 0.8 * strength)),
            RicianNoise((0.0, 0.04 * strength)),
        )
    )


def rescanned(stack: Stack, strength: float, pixel_mm: float, seed: tuple[int, ...]) -> Stack:
    """A stack as a scanner of its own would have stored it; the same for the same seed."""
    image = stack.pixels.astype(np.float32) / np.float32(255)
    sample = Sample(image, np.zeros_like(stack.pixels), (SLICE_MM, pixel_mm, pixel_mm))
    changed = other_scanner(strength)(sample, np.random.default_rng(seed))
    return Stack(eight_bit(changed.image), stack.name, truth=stack.pixels)

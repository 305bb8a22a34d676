"""SynthSeg: random intensities for every label, so that a network learns shapes only (Arias Martinez II.C-D)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.synthesis.acquisition import over_slices
from spinemr.synthesis.mixture import IntensityMixture
from spinemr.synthesis.tissue_map import ByteArray, FloatArray, TissueMap

FULL_RANGE = 1000.0
"""Random contrasts reach from 0 to about this."""

BACKGROUND_CLUSTERS = (3, 10)
"""The paper's range of cluster counts for everything that is not labelled."""

FOREGROUND_SHARE = 0.5
"""A tissue of which more than this share of voxels is labelled keeps an intensity of its own."""


@dataclass(frozen=True)
class IntensityPrior:
    """What the Gaussians of the labels are drawn from: uniform means, uniform deviations (shares of full range)."""

    mean: tuple[float, float] = (0.02, 1.0)
    deviation: tuple[float, float] = (0.0, 0.08)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Means and deviations of so many Gaussians, on the full range."""
        means = rng.uniform(*self.mean, size=count) * FULL_RANGE
        deviations = rng.uniform(*self.deviation, size=count) * FULL_RANGE
        return means.astype(np.float32), deviations.astype(np.float32)


def random_contrast(tissue_map: TissueMap, rng: np.random.Generator, prior: IntensityPrior | None = None) -> FloatArray:
    """A drawn anatomy in random intensities, with its partial volume: (slices, rows, columns) from 0 to about 1000.

    Tissues of labelled structures get a Gaussian each; the others share the Gaussians of 3 to 10 random
    clusters. One in three backgrounds is black outside the body, as in a real image.
    """
    cluster = merged_background(tissue_map, rng)
    means, deviations = (prior or IntensityPrior()).draw(int(cluster.max()) + 1, rng)
    if rng.random() < 1 / 3:
        air = [index for index, tissue in enumerate(tissue_map.tissues) if tissue.name == "air"]
        cluster = cluster.copy()
        cluster[air] = means.size
        means, deviations = np.append(means, np.float32(0)), np.append(deviations, np.float32(0))
    image = over_slices(tissue_map.paint(means[cluster]), tissue_map.sub_slices)
    grain = over_slices(tissue_map.paint(deviations[cluster]), tissue_map.sub_slices)
    grain *= rng.standard_normal(image.shape, dtype=np.float32)
    image += grain
    return np.maximum(image, np.float32(0), out=image)


def merged_background(
    tissue_map: TissueMap, rng: np.random.Generator, clusters: tuple[int, int] = BACKGROUND_CLUSTERS
) -> NDArray[np.intp]:
    """The cluster of each tissue id: labelled tissues alone, all others dealt at random into 3 to 10 clusters."""
    count = len(tissue_map.tissues)
    kinds = tissue_map.hard()
    everywhere = np.bincount(kinds.ravel(), minlength=count)
    labelled = np.bincount(kinds[tissue_map.labels > 0], minlength=count)
    alone = labelled > FOREGROUND_SHARE * np.maximum(everywhere, 1)
    number = int(rng.integers(clusters[0], clusters[1] + 1))
    cluster = rng.integers(0, number, size=count)
    cluster[alone] = number + np.arange(int(alone.sum()))
    return np.asarray(cluster, dtype=np.intp)


def random_labels_to_image(labels: ByteArray, rng: np.random.Generator, prior: IntensityPrior | None = None) -> FloatArray:
    """Hard label map to image: each label a Gaussian of its own (SynthSeg's generative model)."""
    means, deviations = (prior or IntensityPrior()).draw(int(labels.max(initial=0)) + 1, rng)
    image = rng.standard_normal(labels.shape, dtype=np.float32)
    image *= deviations[labels]
    image += means[labels]
    return np.maximum(image, np.float32(0), out=image)


def clustered_label_map(
    image: FloatArray, labels: ByteArray, background_clusters: int, foreground_clusters: int = 2
) -> ByteArray:
    """The label map SynthSeg paints a real image's anatomy from (II.D.2).

    Intensities inside and outside the labels are clustered apart by expectation maximisation:
    0..background_clusters-1 outside, the numbers after them inside (the paper: 3 to 10, and 2 or 3 for
    cortex, marrow and bright spots). Darker clusters have smaller numbers.
    """
    if image.shape != labels.shape:
        raise GeometryError("The image and its labels must lie on one grid.")
    inside = labels > 0
    if not inside.any() or inside.all():
        raise InputError("Clustering needs both labelled and unlabelled voxels.")
    result = np.empty(labels.shape, dtype=np.uint8)
    result[~inside] = IntensityMixture.fit(image[~inside], background_clusters).classify(image[~inside])
    foreground = IntensityMixture.fit(image[inside], foreground_clusters).classify(image[inside])
    result[inside] = foreground + np.uint8(background_clusters)
    return result

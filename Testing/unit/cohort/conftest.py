"""Small studies whose pixels tell their class, a network that reads it off them, and a Dask cluster of threads to run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.cohort.crew import Crew
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.run import CohortResult, run_cohort
from spinemr.cohort.study import Study
from spinemr.harmonization.chosen import chosen_method
from spinemr.imaging.files import write_image
from spinemr.imaging.model_card import ModelCard, ModelInput
from spinemr.pipeline.request import NO_METHOD, CaseRequest, Tools
from spinemr.pipeline.result import CaseResult
from spinemr.pipeline.run import run_case_into
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.inference.model import OpenModel
from spinemr.synthesis.study import draw_study

PLANTED = ("Novakova", "Anna", "19540712")
"""Parts of names of files and folders that must not come out anywhere."""
OPTIONS = CohortOptions(harmonize="zscore")
QUICK = CohortOptions(harmonize="none", keep="tables")


class Told:
    """A network that reads each pixel's class from its intensity: class c shines with c / 6."""

    device = "cpu"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.moveaxis(np.eye(7, dtype=np.float32)[np.clip(np.rint(images[:, 0] * 6).astype(int), 0, 6)], -1, 1)


def told_tools(request: CaseRequest, **_: Any) -> Tools:
    """Tools of a model that is never wrong."""
    model_input = ModelInput(1.56, 16, (0.0, 100.0))
    card = ModelCard(*["told"] * 3, "segmentation", *["-"] * 5, model_input, files=(), training_data=(), metrics=())
    method = None if request.harmonize == NO_METHOD else chosen_method(request.harmonize, request.target)
    return Tools(method, OpenModel(card, Told(), "ab" * 32))


@pytest.fixture(scope="session")
def images() -> list[sitk.Image]:
    """Ten studies of 5 slices of 80 x 80, of two scanners in turn: the second one's noise is stronger."""
    labels = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=()).labels[::4, ::4, 2:9:2]
    classes = class_table()[sitk.GetArrayFromImage(labels)].astype(np.float64)
    shade = np.linspace(2, 10, classes.shape[1])[:, None]
    made = []
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 1 + 4 * (seed % 2), classes.shape)
        image = sitk.GetImageFromArray((classes * 40 + shade + noise).astype(np.int16))
        image.CopyInformation(labels)
        made.append(image)
    return made


@pytest.fixture(scope="session")
def heap(images: list[sitk.Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of the studies, one line of which leads to a file that is none; nothing in it has an id."""
    folder = tmp_path_factory.mktemp("heap") / PLANTED[0]
    lines = ["path,scanner,group"]
    for number, image in enumerate(images):
        path = folder / f"{PLANTED[1]}_{PLANTED[2]}_{number:02d}.nii.gz"
        write_image(image, path)
        lines.append(f"{path.name},{('alder', 'birch')[number % 2]},{('ill', 'well')[number // 5]}")
    (folder / f"{PLANTED[1]}_broken.nii.gz").write_bytes(b"no image")
    lines.append(f"{PLANTED[1]}_broken.nii.gz,alder,ill")
    (folder / "studies.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "studies.csv"


@pytest.fixture(scope="session")
def names() -> Pseudonyms:
    """Ids of a fixed key."""
    return Pseudonyms(b"k" * 32)


@pytest.fixture(scope="session")
def planted() -> tuple[str, ...]:
    """What must not come out."""
    return PLANTED


@pytest.fixture
def single(heap: Path, tmp_path: Path) -> tuple[CaseResult, Path]:
    """The first study run alone, and its folder."""
    image = next(heap.parent.glob("*_00.nii.gz"))
    request = OPTIONS.request(Study("alone", str(image)), image)
    return run_case_into(request, tmp_path / "alone", told_tools(request)), tmp_path / "alone"


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cohorts run in this process, with the network that is never wrong."""
    in_threads(monkeypatch)


def in_threads(patch: pytest.MonkeyPatch) -> None:
    """Put a cluster of this process in the place of processes, and the perfect network in that of models."""
    distributed = pytest.importorskip("distributed")

    @contextmanager
    def opened(_crew: Crew, _studies: int, scratch: Path) -> Iterator[Any]:
        settings = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
        with (
            pytest.importorskip("dask").config.set({"temporary-directory": str(scratch)}),
            distributed.LocalCluster(**settings) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client

    patch.setattr("distributed.comm.inproc.get_ip", lambda: "127.0.0.1")  # else it looks for a way to the internet
    patch.setattr("spinemr.cohort.run.open_crew", opened)
    patch.setattr("spinemr.cohort.task.open_tools", told_tools)


@pytest.fixture
def run(threads: None) -> Callable[..., CohortResult]:  # noqa: ARG001
    """``run(place, target, resume=True)``: a cohort in this process."""

    def made(place: Path, target: Path, options: CohortOptions = QUICK, **more: Any) -> CohortResult:
        return run_cohort(place, target, options, Crew(), **more)

    return made


@pytest.fixture(scope="session")
def finished(heap: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the whole cohort, run once."""
    with pytest.MonkeyPatch.context() as patch:
        in_threads(patch)
        folder = tmp_path_factory.mktemp("results") / "cohort"
        run_cohort(heap, folder, OPTIONS, Crew())
    return folder

"""One session: its scene, its views, and what the buttons of its page do."""

from __future__ import annotations

import asyncio
import functools
import traceback
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk
from trame_server.utils.asynchronous import create_task
from trame_slicer.core import SlicerApp

from spinemr.imaging.errors import Cancelled, ImagingWarning, SpineMRError
from spinemr.imaging.files import read_image
from spinemr.imaging.progress import Progress
from spinemr.pipeline.jobs import RunJob, write_job
from spinemr.pipeline.request import CaseRequest
from spinemr.scene.selection import display_of, set_shown, show_all, show_only
from spinemr.scene.views import jump_to, jump_to_structure
from spinemr.webapp.contrast import STEPS, contrast_of, set_automatic, set_contrast
from spinemr.webapp.correct_page import CorrectPage
from spinemr.webapp.exports import RESULTS, Exports
from spinemr.webapp.job import Job
from spinemr.webapp.plots_page import PlotsPage
from spinemr.webapp.series import series_to_choose_from
from spinemr.webapp.study import Study, verdict_of
from spinemr.webapp.tables_page import TablesPage
from spinemr.webapp.views import Views

if TYPE_CHECKING:
    from trame_server import Server

NAME = "Study"
"""What every volume is called: files may be called after patients."""
DRAWN_NAME = "Drawn study"
PHASES = ("read", "harmonize", "segment", "measure", "features", "judge", "report", "write")
_LOG_LINES = 200

STATE: dict[str, Any] = {
    "study_open": False, "study_name": "", "study_facts": "", "working": False, "work_title": "", "phase": "", "fraction": 0.0,
    "message": "", "log": [], "log_open": False, "error": "", "notice": "", "structures": [], "verdict": {}, "harmonized": False,
    "fade": 0.0, "opacity": 50, "outlines": False, "method": "auto", "parts": True, "phases": list(PHASES), "main_tab": "images",
    "panel": "study", "surfaces": True, "layout": "Sagittal first", "cancelling": False,
    "contrast": [0, STEPS], "series": [],
}  # fmt: skip
"""What the page begins with."""


class Session:
    """The work behind one page."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.state, self.folder = server, server.state, folder
        self.state.update(STATE)
        self.app = SlicerApp()
        self.views = Views(server, self.app)
        self.study = Study(self.app.scene)
        self.tables = TablesPage(self)
        self.correct = CorrectPage(self)
        self.plots = PlotsPage(self)
        self.exports = Exports(self.study, self.correct.correction, folder)
        self._managers = add_file_managers(self.app, folder)
        self._job: Job | None = None
        self._to_choose_in: Path | None = None
        self.state.change("fade")(lambda fade, **_: self._show_fade(float(fade)))
        self.state.change("contrast")(lambda contrast, **_: self._show_contrast(contrast))
        self.state.change("opacity", "outlines")(lambda **_: self._show_opacity())
        self.state.change("layout")(lambda layout, **_: self.views.layouts.set_layout(layout))

    def start(self, work: Callable[[], Awaitable[None]], title: str) -> None:
        """Begin something long; one thing at a time."""
        if not self.state.working:
            create_task(self._guarded(work, title))

    def guarded(self, action: Callable[..., None]) -> Callable[..., None]:
        """An action of the page whose refusals are shown on it."""

        @functools.wraps(action)
        def act(*arguments: Any) -> None:  # noqa: ANN401
            try:
                action(*arguments)
            except SpineMRError as error:
                self.state.error = str(error)

        return act

    async def open_file(self, path: Path, series: str | None = None) -> None:
        """Read an image and show it; where a DICOM folder holds several, ask which."""
        self._report(Progress("read", 0.0, "Reading the image"))
        choices = await asyncio.to_thread(series_to_choose_from, path) if series is None and path.is_dir() else []
        if choices:
            self._to_choose_in = path
            with self.state:
                self.state.series = choices
            return
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ImagingWarning)
            try:
                image = await asyncio.to_thread(read_image, path, series=series)
            except SpineMRError as error:
                raise type(error)(_without_paths(error.message, path), _without_paths(error.hint, path)) from error
        self._put(image, NAME)
        notes = [str(note.message) for note in told if issubclass(note.category, ImagingWarning)]
        self.state.notice = _without_paths(" ".join(dict.fromkeys(notes)), path)

    def choose_series(self, number: str) -> None:
        """Open one of the series that were asked about."""
        path = self._to_choose_in
        self.state.series = []
        if path is not None:
            self.start(lambda: self.open_file(path, str(number)), "Opening the study")

    async def open_drawn(self, seed: int = 7, contrast: str = "t2") -> None:
        """Draw a study and show it."""
        from spinemr.synthesis.study import draw_study

        loop = asyncio.get_running_loop()

        def report(progress: Progress) -> None:
            loop.call_soon_threadsafe(self._report, progress)

        study = await asyncio.to_thread(draw_study, seed, contrast=contrast, progress=report)
        self._put(study.image, DRAWN_NAME)

    async def harmonize_and_segment(self) -> None:
        """The whole job on the study."""
        image, results = self.folder / "image.nrrd", self.folder / RESULTS
        request = CaseRequest(image, harmonize=self.state.method, parts=bool(self.state.parts))
        self._job = Job(self._report, self._log)
        try:
            await asyncio.to_thread(self.study.write, image)
            outcome = await self._job.run(write_job(RunJob(request, results), self.folder / "job.json"))
        finally:
            self._job = None
        if outcome.cancelled:
            raise Cancelled
        if (results / "qc.json").is_file():
            self.study.load(results)
            self.show_results()
        if not outcome.succeeded:
            raise SpineMRError(outcome.message)

    def cancel(self) -> None:
        """Stop the process that works."""
        if self._job is not None:
            self.state.cancelling = True
            create_task(self._job.cancel())

    def show_results(self) -> None:
        """Everything of the page that tells of results."""
        case = self.study.case
        with self.state:
            self.state.harmonized = case.harmonized is not None
            self.state.verdict = verdict_of(case.quality)
            self.views.show(case.volume, case.harmonized, float(self.state.fade))
            self.show_structures()
            self._show_opacity()
            self.show_tables()
            if case.segmentation is not None:
                self.correct.begin()
                self.views.fit_3d()

    def show_structures(self) -> None:
        """The list of structures anew."""
        self.state.structures = self.study.structures()

    def show_tables(self) -> None:
        """The tables anew, and the charts where they are looked at."""
        self.tables.show()
        if self.state.main_tab == "plots":
            self.plots.show()

    def toggle(self, label: int) -> None:
        """Show or hide a structure."""
        shown = next(one["shown"] for one in self.state.structures if one["label"] == label)
        set_shown(self.study.segmentation, label, not shown)
        self._mark_shown()

    def show_kind(self, kind: str) -> None:
        """Show one kind of structures, or all."""
        if kind == "all":
            show_all(self.study.segmentation)
        else:
            show_only(self.study.segmentation, [one["label"] for one in self.state.structures if one["kind"] == kind])
        self._mark_shown()

    def jump_to_structure(self, label: int) -> None:
        """Show the slices through a structure."""
        self.state.main_tab = "images"
        jump_to_structure(self.views.slices, self.study.segmentation, self.study.volume, label)

    def jump_to(self, point_mm: list[float]) -> None:
        """Show the slices through a point."""
        self.state.main_tab = "images"
        jump_to(self.views.slices, point_mm)

    def automatic_contrast(self) -> None:
        """Window and level of what is seen, as it was shown first."""
        set_automatic(self._seen())
        self.state.contrast = contrast_of(self._seen())

    async def _guarded(self, work: Callable[[], Awaitable[None]], title: str) -> None:
        with self.state:
            self.state.update(dict.fromkeys(("phase", "message", "error", "notice"), ""))
            self.state.update({"working": True, "work_title": title, "fraction": 0.0, "log": []})
        message, notice = "", ""
        try:
            await work()
        except Cancelled:
            notice = "Cancelled; nothing was changed."
        except SpineMRError as error:
            message = str(error)
        except Exception as error:
            traceback.print_exc()
            message = f"Something went wrong inside of SpineMR ({type(error).__name__}); please report it."
        with self.state:
            self.state.update({"working": False, "cancelling": False, "error": message})
            if notice:
                self.state.notice = notice

    def _put(self, image: sitk.Image, name: str) -> None:
        with self.state:
            self.study.open(image, name)
            self.views.show(self.study.volume, None, 0.0)
            self.views.turn_to(self.study.volume)
            columns, rows, slices = image.GetSize()
            steps = " × ".join(f"{step:.3g}" for step in image.GetSpacing())
            self.state.update(
                {
                    "study_open": True, "study_name": name, "study_facts": f"{columns} × {rows} × {slices} voxels of {steps} mm",
                    "verdict": {}, "structures": [], "harmonized": False, "fade": 0.0, "main_tab": "images", "panel": "study",
                    "contrast": contrast_of(self.study.volume),
                }
            )  # fmt: skip
            self.show_tables()

    def _report(self, progress: Progress) -> None:
        with self.state:
            self.state.phase, self.state.message = progress.phase, progress.message
            self.state.fraction = max(float(self.state.fraction), progress.fraction)

    def _log(self, line: str) -> None:
        with self.state:
            self.state.log = [*self.state.log, _without_paths(line, self.folder)][-_LOG_LINES:]

    def _seen(self) -> Any:  # noqa: ANN401 - a volume node
        """The original or the harmonized image, whichever is seen more."""
        case = self.study.case
        return case.harmonized if case.harmonized is not None and float(self.state.fade) >= 0.5 else case.volume

    def _show_fade(self, fade: float) -> None:
        self.views.set_fade(fade)
        if self.study.is_open:
            self.state.contrast = contrast_of(self._seen())

    def _show_contrast(self, contrast: list[int]) -> None:
        if self.study.is_open and contrast != contrast_of(self._seen()):
            set_contrast(self._seen(), *contrast)

    def _show_opacity(self) -> None:
        if self.study.has_segments:
            display = display_of(self.study.segmentation)
            display.SetOpacity2DFill(0.0 if self.state.outlines else float(self.state.opacity) / 100)
            display.SetOpacity2DOutline(1.0 if self.state.outlines else min(1.0, float(self.state.opacity) / 50))

    def _mark_shown(self) -> None:
        shown = {one["label"]: one["shown"] for one in self.study.structures()}
        self.state.structures = [{**one, "shown": shown.get(one["label"], True)} for one in self.state.structures]


def add_file_managers(app: SlicerApp, folder: Path) -> tuple[Any, ...]:
    """What a scene needs to write bundles, which the application around it has to set up and to hold."""
    import slicer

    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    place = folder / "cache"
    place.mkdir()
    cache.SetRemoteCacheDirectory(str(place))
    cache.SetMRMLScene(app.scene)
    files.SetCacheManager(cache)
    app.scene.SetCacheManager(cache)
    app.scene.SetDataIOManager(files)
    return cache, files


def _without_paths(text: str, path: Path) -> str:
    """A sentence without the temporary names of what was sent."""
    for known in (path, path.parent):
        text = text.replace(str(known), "the study").replace(known.name, "the study")
    return text[:1].upper() + text[1:]

"""One session: its scene, its views, what it opens, and long work on it."""

from __future__ import annotations

import asyncio
import functools
import shutil
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
from spinemr.webapp.correct_page import CorrectPage
from spinemr.webapp.crosshair import Crosshair
from spinemr.webapp.display import Display
from spinemr.webapp.exports import Exports
from spinemr.webapp.plots_page import PlotsPage
from spinemr.webapp.sentences import size_of, without_paths
from spinemr.webapp.series import Origin, origin_of, series_to_choose_from
from spinemr.webapp.study import Study, verdict_of
from spinemr.webapp.tables_page import TablesPage
from spinemr.webapp.views import Views
from spinemr.webapp.whole_job import WholeJob

if TYPE_CHECKING:
    from trame_server import Server

NAME = "Study"
"""What every volume is called: files may be called after patients."""
DRAWN_NAME = "Drawn study"
_LOG_LINES = 200
SENT = "sent"

STATE: dict[str, Any] = {
    "study_open": False, "study_name": "", "study_facts": "", "study_is_dicom": False, "working": False, "work_title": "",
    "phase": "", "fraction": 0.0, "message": "", "log": [], "log_open": False, "error": "", "notice": "", "verdict": {},
    "harmonized": False, "main_tab": "images", "panel": "study", "series": [],
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
        self.display = Display(self)
        self.crosshair = Crosshair(self)
        self.whole_job = WholeJob(self)
        self.exports = Exports(self.study, self.correct.correction, folder)
        self._managers = add_file_managers(self.app, folder)
        self._to_choose_in: Path | None = None
        self._received = 0

    def start(self, work: Callable[[], Awaitable[None]], title: str) -> None:
        """Begin something long; one thing at a time."""
        if not self.state.working:
            create_task(self._guarded(work, title))

    def guarded(self, action: Callable[..., None]) -> Callable[..., None]:
        """An action of the page whose refusals are shown on it."""

        @functools.wraps(action)
        def act(*arguments: Any, **named: Any) -> None:  # noqa: ANN401
            try:
                action(*arguments, **named)
            except SpineMRError as error:
                self.state.error = str(error)

        return act

    async def open_file(self, path: Path, series: str | None = None) -> None:
        """Read an image and show it; where a DICOM folder holds several, ask which."""
        self.report(Progress("read", 0.0, "Reading the image"))
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
                raise type(error)(without_paths(error.message, path), without_paths(error.hint, path)) from error
        self._put(image, NAME, origin_of(path, series))
        self.forget_others(path)
        notes = [str(note.message) for note in told if issubclass(note.category, ImagingWarning)]
        self.state.notice = without_paths(" ".join(dict.fromkeys(notes)), path)

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
            loop.call_soon_threadsafe(self.report, progress)

        study = await asyncio.to_thread(draw_study, seed, contrast=contrast, progress=report)
        self._put(study.image, DRAWN_NAME)
        self.forget_others(self.folder)

    def folder_to_receive(self, kind: str = SENT) -> Path:
        """A new folder for files that are sent; those before are kept until the new ones were read."""
        self._received += 1
        return self.folder / f"{kind}{self._received}"

    def forget_others(self, path: Path, kind: str = SENT) -> None:
        """Remove what was sent before: another study, or files that could not be read."""
        for folder in self.folder.glob(f"{kind}*"):
            if folder not in (path, *path.parents):
                shutil.rmtree(folder, ignore_errors=True)

    def show_results(self) -> None:
        """Everything of the page that tells of results."""
        case = self.study.case
        with self.state:
            self.state.harmonized = case.harmonized is not None
            self.state.verdict = verdict_of(case.quality)
            self.views.show(case.volume, case.harmonized, float(self.state.fade))
            self.display.show_structures()
            self.display.show_opacity()
            self.display.follow_contrast()
            self.display.show_lines()
            self.show_tables()
            if case.segmentation is not None:
                self.correct.begin()
                self.views.fit_3d()

    def show_tables(self) -> None:
        """The tables anew, and the charts where they are looked at."""
        self.tables.show()
        if self.state.main_tab == "plots":
            self.plots.show()

    def report(self, progress: Progress) -> None:
        """Show how far the work is."""
        with self.state:
            self.state.phase, self.state.message = progress.phase, progress.message
            self.state.fraction = max(float(self.state.fraction), progress.fraction)

    def log(self, line: str) -> None:
        """Add a line to the log of the page."""
        with self.state:
            self.state.log = [*self.state.log, without_paths(line, self.folder)][-_LOG_LINES:]

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
            self.state.update({"working": False, "error": message})
            if notice:
                self.state.notice = notice

    def _put(self, image: sitk.Image, name: str, origin: Origin | None = None) -> None:
        with self.state:
            self.study.open(image, name, origin)
            self.views.show(self.study.volume, None, 0.0)
            self.views.turn_to(self.study.volume)
            self.state.update(
                {
                    "study_open": True, "study_name": name, "study_facts": size_of(image), "study_is_dicom": origin is not None,
                    "verdict": {}, "harmonized": False, "main_tab": "images", "panel": "study",
                }
            )  # fmt: skip
            self.display.begin()
            self.show_tables()


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

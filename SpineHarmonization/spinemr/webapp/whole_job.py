"""The whole job on a session's study: method, reference and target as a person chose them, the process, its results."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trame_server.utils.asynchronous import create_task

from spinemr.harmonization.choices import TITLES, is_trained, method_names, takes_file, takes_images, target_names, target_of
from spinemr.harmonization.chosen import AUTO
from spinemr.harmonization.inference.reference import own_references
from spinemr.harmonization.registry import read_method
from spinemr.imaging.errors import Cancelled, InputError, SpineMRError
from spinemr.imaging.files import read_image
from spinemr.imaging.model_card import CARD_SUFFIX
from spinemr.imaging.progress import Progress
from spinemr.pipeline.jobs import RunJob, write_job
from spinemr.pipeline.request import NO_METHOD, CaseRequest
from spinemr.webapp.exports import RESULTS
from spinemr.webapp.job import Job
from spinemr.webapp.sentences import size_of, without_paths
from spinemr.webapp.series import series_to_choose_from
from spinemr.webapp.uploads import VOLUMES

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

PHASES = ("read", "harmonize", "segment", "measure", "features", "judge", "report", "write")
REFERENCE = "reference"
"""What folders of references begin with."""
STATE: dict[str, Any] = {
    "method": AUTO, "target": "", "targets": [], "reference": "", "takes": "", "method_problem": "", "strength": 100,
    "segment_on": "source", "parts": True, "more": False, "phases": list(PHASES), "cancelling": False,
}  # fmt: skip


def methods() -> list[dict[str, str]]:
    """What can be chosen: every method, and none."""
    return [{"title": TITLES.get(name, name), "value": name} for name in method_names()] + [
        {"title": "No harmonization", "value": NO_METHOD}
    ]


class WholeJob:
    """Does the whole job, one at a time."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.update(STATE)
        self._job: Job | None = None
        self._reference: Path | None = None
        self._state.change("method", "target")(lambda **_: self._show_choice())
        self._show_choice()

    async def run(self) -> None:
        """Harmonize, segment, measure and judge the study."""
        session = self._session
        image, results = session.folder / "image.nrrd", session.folder / RESULTS
        job = RunJob(self._request(image), results)
        self._job = Job(session.report, session.log)
        try:
            await asyncio.to_thread(session.study.write, image)
            outcome = await self._job.run(write_job(job, session.folder / "job.json"))
        finally:
            self._job = None
            self._state.cancelling = False
        if outcome.cancelled:
            raise Cancelled
        if (results / "qc.json").is_file():
            session.study.load(results)
            session.show_results()
        if not outcome.succeeded:
            raise SpineMRError(outcome.message)

    def cancel(self) -> None:
        """Stop the process that works."""
        if self._job is not None:
            self._state.cancelling = True
            create_task(self._job.cancel())

    async def take_reference(self, path: Path) -> None:
        """Keep what was sent as the reference, once it could be read."""
        self._session.report(Progress("read", 0.0, "Reading the reference"))
        try:
            said = await asyncio.to_thread(_read, path)
        except SpineMRError as error:
            raise type(error)(without_paths(error.message, path), without_paths(error.hint, path)) from error
        self._reference = path
        self._session.forget_others(path, REFERENCE)
        with self._state:
            self._state.reference = said
            self._show_choice()

    def drop_reference(self) -> None:
        """Do without the reference that was sent."""
        self._reference, self._state.reference = None, ""
        self._session.forget_others(self._session.folder, REFERENCE)
        self._show_choice()

    def _request(self, image: Path) -> CaseRequest:
        state = self._state
        return CaseRequest(
            image, harmonize=state.method, target=target_of(state.method, state.target, self._reference),
            strength=float(state.strength) / 100, segment_on="source" if state.method == NO_METHOD else state.segment_on,
            parts=bool(state.parts),
        )  # fmt: skip

    def _show_choice(self) -> None:
        """What counts for the method, and why it cannot start."""
        method = self._state.method
        names = target_names(method)
        targets = [{"title": name or "The contrast of the image", "value": name} for name in ("", *names)] if names else []
        try:
            target_of(method, self._state.target, self._reference)
            problem = ""
        except InputError as error:
            problem = str(error)
        takes = "images" if takes_images(method) else "network" if is_trained(method) else "any" if takes_file(method) else ""
        target = self._state.target if self._state.target in names else ""
        self._state.update({"targets": targets, "target": target, "takes": takes, "method_problem": problem})


def _read(path: Path) -> str:
    """What a reference is, in few words; refused where it is none."""
    if path.name.endswith(CARD_SUFFIX):
        found = own_references(path)
        return f"{TITLES[found[0].method]}: {found[0].name}"
    if path.suffix == ".json":
        return f"Fitted method: {TITLES.get(name := read_method(path).name, name)}"
    if path.is_dir():
        images = [one for one in sorted(path.iterdir()) if one.name.endswith(VOLUMES)]
        for one in images:
            read_image(one)
        if images:
            return f"{len(images)} images"
        if series_to_choose_from(path):
            raise InputError("The reference holds several series.", "Send the files of one series.")
    return size_of(read_image(path))

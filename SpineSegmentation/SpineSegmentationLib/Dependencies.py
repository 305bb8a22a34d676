"""Packages that Slicer lacks: what is there, and how to get the rest through Slicer's own installer after asking."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

NEEDED = ("openvino>=2025.0",)
"""OpenVINO runs the networks on the processor."""
DICOM_EXPORT = ("highdicom>=0.24",)


@dataclass(frozen=True)
class Package:
    """A requirement and the version there is of it; an empty text where there is none, or one too old."""

    requirement: str
    version: str

    @property
    def name(self) -> str:
        """Without the version."""
        return re.split(r"[<>=!~ ]", self.requirement, maxsplit=1)[0]


def packages(requirements: tuple[str, ...] = NEEDED) -> list[Package]:
    """What there is. Only metadata is read: importing a package here would lock its files on Windows."""
    return [Package(requirement, _satisfying(requirement)) for requirement in requirements]


def missing(requirements: tuple[str, ...] = NEEDED) -> list[str]:
    """The requirements that are not satisfied."""
    return [package.requirement for package in packages(requirements) if not package.version]


def sentence(requirements: tuple[str, ...] = NEEDED) -> str:
    """One line that says what is there and what is not."""
    found = packages(requirements)
    there = ", ".join(f"{package.name} {package.version}" for package in found if package.version)
    lacking = ", ".join(package.name for package in found if not package.version)
    if not lacking:
        return _("Ready: {there}.").format(there=there)
    begin = _("Not installed: {lacking}.").format(lacking=lacking)
    return f"{begin} " + _("There is: {there}.").format(there=there) if there else begin


def install(requester: str, requirements: tuple[str, ...] = NEEDED) -> bool:
    """Ask, and install what is missing; says whether everything is there now. Needs the network once."""
    lacking = missing(requirements)
    if lacking and _confirmed(lacking):
        _installed(requester, lacking)
    return not missing(requirements)


def _confirmed(lacking: list[str]) -> bool:
    names = ", ".join(lacking)
    question = _(
        "SpineMR needs packages that Slicer does not contain: {names}.\n\n"
        "Install them into Slicer's Python now? This needs the network once; images never leave this computer."
    )
    return slicer.util.confirmOkCancelDisplay(question.format(names=names), windowTitle=_("Install packages"))


def _installed(requester: str, lacking: list[str]) -> None:
    try:
        installer = importlib.import_module("slicer.packaging")
    except ImportError:  # Slicer 5.10
        with slicer.util.WaitCursor():
            slicer.util.pip_install(lacking)
        return
    from packaging.requirements import Requirement

    installer.pip_ensure([Requirement(one) for one in lacking], requester=requester, prompt_install=False)


def _satisfying(requirement: str) -> str:
    name, _sep, minimum = requirement.partition(">=")
    try:
        version = importlib.metadata.version(name.strip())
    except importlib.metadata.PackageNotFoundError:
        return ""
    return version if _numbers(version) >= _numbers(minimum) else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

"""Paths that are not what a path should be: loops, pipes, devices, folders, names."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

Place = Callable[[Random, Path, Path], Path]
"""(random, a sound file, an empty folder) -> the path to give."""
OTHER_ENDINGS = (
    ".nii.gz",
    ".nii",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".png",
    ".jpg",
    ".tif",
    ".dcm",
    ".seg.nrrd",
    ".csv",
    ".json",
    "",
    ".docx",
    ".NII.GZ",
    ".gz",
)


def wrong_ending(random: Random, sound: Path, folder: Path) -> Path:
    """The bytes of one format under the name of another."""
    path = folder / f"image{random.choice(OTHER_ENDINGS)}"
    path.write_bytes(sound.read_bytes())
    return path


def links_in_a_circle(_random: Random, sound: Path, folder: Path) -> Path:
    one, other = folder / sound.name, folder / f"b{sound.name}"
    one.symlink_to(other)
    other.symlink_to(one)
    return one


def folder_in_itself(_random: Random, _sound: Path, folder: Path) -> Path:
    """A tree of folders whose links lead back up, twice on every level."""
    place = folder / "study"
    deepest = place / "a" / "b" / "c"
    deepest.mkdir(parents=True)
    for level in (place / "a", place / "a" / "b", deepest):
        (level / "up").symlink_to(place, target_is_directory=True)
        (level / "up again").symlink_to(folder, target_is_directory=True)
    return place


def link_to_nothing(_random: Random, sound: Path, folder: Path) -> Path:
    path = folder / sound.name
    path.symlink_to(folder / "gone")
    return path


def named_pipe(_random: Random, sound: Path, folder: Path) -> Path:
    """Whoever opens it waits for ever."""
    path = folder / sound.name
    os.mkfifo(path)
    return path


def device(random: Random, sound: Path, folder: Path) -> Path:
    """Bytes without end, or none."""
    path = folder / sound.name
    path.symlink_to(random.choice(("/dev/zero", "/dev/null", "/dev/full")))
    return path


def open_socket(_random: Random, _sound: Path, folder: Path) -> Path:
    path = folder / "s.nii.gz"
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # names of sockets may have a hundred characters
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)
    return path


def folder_named_as_image(_random: Random, sound: Path, folder: Path) -> Path:
    path = folder / sound.name
    path.mkdir()
    (path / "readme.txt").write_text("nothing here", encoding="utf-8")
    return path


def folder_with_everything(random: Random, sound: Path, folder: Path) -> Path:
    """Some images, broken ones among them, and what else lies about."""
    place = folder / "many"
    place.mkdir()
    for number in range(random.randint(1, 3)):
        content = sound.read_bytes()
        cut = content[: random.choice((0, 100, len(content)))]
        (place / f"study{number}{''.join(sound.suffixes)}").write_bytes(cut)
    (place / "Thumbs.db").write_bytes(random.randbytes(50))
    (place / "notes.txt").write_text("hello", encoding="utf-8")
    return place


def strange_name(random: Random, sound: Path, folder: Path) -> Path:
    """Names with anything that a file system takes; the content is in order."""
    stem = random.choice(
        ("a b", "ü腰椎", "-rf", "x" * 200, "[bold]red[dim]", "a\nb", "%d%s", "'; rm -rf", "...", "\udcff\udcfe", "a\tb\x1b[31m")
    )
    path = folder / f"{stem}{''.join(sound.suffixes[-2:]) if sound.name.endswith('.gz') else sound.suffix}"
    path.write_bytes(sound.read_bytes())
    return path


def path_without_end(_random: Random, sound: Path, folder: Path) -> Path:
    """Longer than any file system takes."""
    return folder / ("n" * 300) / ("m" * 5000) / sound.name


def nothing(random: Random, sound: Path, folder: Path) -> Path:
    return random.choice((folder / "gone" / sound.name, folder / "gone.nii.gz", sound / "inside"))


PLACES: dict[str, Place] = {
    place.__name__.replace("_", " "): place
    for place in (
        wrong_ending,
        links_in_a_circle,
        folder_in_itself,
        link_to_nothing,
        named_pipe,
        device,
        open_socket,
        folder_named_as_image,
        folder_with_everything,
        strange_name,
        path_without_end,
        nothing,
    )
}

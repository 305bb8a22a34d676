"""``spinemr radiomics profile``: what the features and images of a set of studies look like, to hold others against."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import Cancelled, ImagingWarning, InputError, OutputError, SpineMRError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from spinemr.imaging.progress import ProgressCallback
    from spinemr.radiomics.settings import Settings
    from spinemr.radiomics.table import FeatureRow
    from spinemr.radiomics.verdict.pairs import Pair
    from spinemr.radiomics.verdict.profile import Profile


@dataclass(frozen=True)
class Wishes:
    """What is taken of every study."""

    settings: Settings
    scheme: str
    features: bool


@dataclass
class Gathered:
    """What the studies gave so far."""

    rows: list[FeatureRow]
    appearances: list[tuple[str, dict[str, float]]]
    left_out: int = 0


def command(
    studies: Annotated[
        Path, typer.Argument(metavar="FOLDER|MANIFEST.csv", help="Images with their masks (see below).", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.json", help="The profile to write.", show_default=False)],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the profile is called (else OUT's name).", show_default=False)
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="pyradiomics' parameter file.", show_default=False)
    ] = None,
    features: Annotated[
        bool, typer.Option("--features/--no-features", help="Take features, or only how the images look.")
    ] = True,
    labels_scheme: Annotated[
        LabelScheme, typer.Option(metavar="SCHEME", help="Whose numbers masks hold: verse, spider or totalspineseg.")
    ] = LabelScheme.VERSE,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Make a reference profile: features and appearance of a set of studies.

    Masks are named as their images with _labels (or _mask, _seg) at the end, or
    lie in a folder of each study beside the image. A manifest is a CSV with the
    columns image, mask and, if wanted, case and scanner. Features come as n,
    mean, standard deviation and percentiles by structure; how images look, by
    scanner (10 studies or more). The profile names no case.

    Example: [bold]spinemr radiomics profile studies -o reference.json[/bold]

    Example: [bold]spinemr radiomics profile manifest.csv -o reference.json --settings params.yaml[/bold]
    """
    from spinemr.radiomics.parameter_file import read_settings
    from spinemr.radiomics.settings import Settings
    from spinemr.radiomics.verdict.pairs import pairs_of
    from spinemr.radiomics.verdict.profile import write_profile

    if output.suffix.lower() != ".json":
        raise OutputError(f"Cannot write {output}: a profile is JSON.", "Give a name that ends in .json.")
    wishes = Wishes(Settings() if settings is None else read_settings(settings), labels_scheme.value, features)
    pairs = pairs_of(studies)
    with shown(progress) as report:
        gathered = _gathered(pairs, wishes, report)
        profile = _profile(name or output.stem, gathered, wishes)
        write_profile(profile, output)
    if progress is not ProgressMode.JSON:
        typer.echo(_told(profile, output, gathered.left_out))


def _gathered(pairs: list[Pair], wishes: Wishes, progress: ProgressCallback) -> Gathered:
    """Features and appearance of every study; one that cannot be measured is warned of and left out."""
    from spinemr.imaging.progress import within

    found = Gathered([], [])
    for number, pair in enumerate(pairs):
        try:
            rows, looks = _measured(pair, wishes, within(progress, number / len(pairs), (number + 1) / len(pairs)))
        except Cancelled:
            raise
        except SpineMRError as error:
            warnings.warn(f"{pair.image.name} is left out: {error.message}", ImagingWarning, stacklevel=2)
            found.left_out += 1
            continue
        found.rows += rows
        found.appearances.append((pair.scanner, looks))
    if found.left_out == len(pairs):
        raise InputError("None of the studies could be measured.", "Their reasons stand above.")
    return found


def _measured(pair: Pair, wishes: Wishes, progress: ProgressCallback) -> tuple[list[FeatureRow], dict[str, float]]:
    from spinemr.imaging.anatomy import name_of
    from spinemr.imaging.files import read_image
    from spinemr.imaging.geometry import match_grid
    from spinemr.imaging.progress import Progress, within
    from spinemr.radiomics.extraction import extract
    from spinemr.radiomics.table import FeatureRow
    from spinemr.radiomics.verdict.appearance import image_statistics

    progress(Progress("read", 0.0, pair.image.name))
    image = read_image(pair.image)
    mask = match_grid(_labels(pair.mask, wishes.scheme), image)
    looks = image_statistics(image, mask)
    if not wishes.features:
        return [], looks
    features = extract(image, mask, wishes.settings, labels=_structures(mask), progress=within(progress, 0.2, 1.0))
    rows = [FeatureRow(pair.case, "reference", label, name_of(label), found, pair.scanner) for label, found in features.items()]
    return rows, looks


def _structures(mask: sitk.Image) -> list[int]:
    """The anatomy numbers of a mask."""
    from spinemr.imaging.anatomy import structure
    from spinemr.radiomics.preparation import labels_of

    known = []
    for label in labels_of(mask):
        try:
            known.append(structure(label).label)
        except ValueError:
            continue
    if not known:
        raise InputError("The mask holds no structure of the spine.", "Which numbers does it use? See --labels-scheme.")
    return known


def _labels(path: Path, scheme: str) -> sitk.Image:
    from spinemr.imaging.files import read_labels
    from spinemr.imaging.formats import Format, format_of
    from spinemr.imaging.schemes import from_scheme

    labels = read_labels(path)
    known = scheme == LabelScheme.VERSE.value or format_of(path) is Format.SEGMENTATION
    return labels if known else from_scheme(labels, scheme)


def _profile(name: str, gathered: Gathered, wishes: Wishes) -> Profile:
    from spinemr.imaging.provenance import Provenance
    from spinemr.radiomics.table import FeatureTable
    from spinemr.radiomics.verdict.profile import make_profile

    parameters: dict[str, object] = {**asdict(wishes), "left_out": gathered.left_out}
    made: dict[str, Any] = Provenance.of("spinemr radiomics profile", command=command_line(), parameters=parameters).as_dict()
    return make_profile(FeatureTable(tuple(gathered.rows)), gathered.appearances, name=name, made=made)


def _told(profile: Profile, output: Path, left_out: int) -> str:
    kinds = len(profile.features)
    looks = "no appearances" if profile.appearances is None else f"appearances of {len(profile.appearances.means)} scanners"
    missing = f"; {left_out} left out" if left_out else ""
    return f"{profile.studies} studies, features of {kinds} structures and kinds, {looks} in {output}{missing}"

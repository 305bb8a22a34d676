"""What is drawn: the numbers that define one lumbar spine and the body around it, in millimetres.

World axes follow DICOM's patient system: x to the left, y to the back, z is up (LPS). Local axes of a
vertebra or disc are the same three, turned with it; its origin is the middle of the body or disc.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Place and attitude of a bone or disc: ``world = origin + axes @ local``."""

    origin: Vector
    axes: Vector

    def to_world(self, local: tuple[float, float, float]) -> Vector:
        """A local point in world coordinates."""
        world: Vector = self.origin + self.axes @ np.asarray(local, dtype=float)
        return world


@dataclass(frozen=True)
class Endplate:
    """One end of a body: depth of its concavity, and where front-to-back it is deepest (-1 front, 1 back)."""

    concavity: float
    deepest_at: float = 0.2
    schmorl_depth: float = 0.0
    schmorl_at: tuple[float, float] = (0.0, 0.0)
    schmorl_radius: float = 5.0


@dataclass(frozen=True)
class Body:
    """The body of a vertebra or sacral segment."""

    width: float
    depth: float
    height_anterior: float
    height_posterior: float
    upper: Endplate
    lower: Endplate
    waist: float = 1.8
    back_hollow: float = 1.5
    cortex: float = 0.55
    vein: float = 1.0
    osteophytes: tuple[float, float] = (0.0, 0.0)
    """Length of the bony lips at the front of the upper and lower rim."""
    taper: float = 0.0
    """Share by which the lower end is narrower, front to back, than the upper (sacral segments)."""

    @property
    def height(self) -> float:
        """Mean of the front and the back height."""
        return 0.5 * (self.height_anterior + self.height_posterior)

    @property
    def wedge_deg(self) -> float:
        """Angle between the end plates, positive where the front is taller (lordotic)."""
        return float(np.degrees(np.arctan2(self.height_anterior - self.height_posterior, self.depth)))


@dataclass(frozen=True)
class PosteriorArch:
    """Pedicles, laminae and processes."""

    pedicle_x: float
    pedicle_width: float
    pedicle_height: float
    canal_depth: float
    spinous_length: float
    spinous_height: float
    spinous_thickness: float
    spinous_tilt_deg: float
    transverse_length: float
    facet_size: float = 1.0
    pars_defect: bool = False


@dataclass(frozen=True)
class Vertebra:
    """One vertebra (or the first sacral segment seen as one) with its place."""

    label: Anatomy
    body: Body
    arch: PosteriorArch | None
    frame: Frame
    marrow: str = "marrow"
    modic: tuple[str, str] = ("", "")
    """Kind of Modic change ("1", "2", "3" or none) beside the upper and the lower end plate."""
    haemangioma_radius: float = 0.0
    haemangioma_at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fracture_oedema: bool = False
    screws: bool = False

    @property
    def top(self) -> Vector:
        """Middle of the upper end plate's rim plane."""
        return self.frame.to_world((0.0, 0.0, self.body.height / 2))

    @property
    def bottom(self) -> Vector:
        """Middle of the lower end plate's rim plane."""
        return self.frame.to_world((0.0, 0.0, -self.body.height / 2))


@dataclass(frozen=True)
class Herniation:
    """Disc material behind the disc: how far it reaches, to which side (x), and how far up or down."""

    reach: float
    x: float
    migration: float = 0.0


@dataclass(frozen=True)
class Disc:
    """One disc; heights are those between the rims of its end plates."""

    label: int
    grade: int
    height_anterior: float
    height_posterior: float
    width: float
    depth: float
    frame: Frame
    bulge: float = 1.0
    herniation: Herniation | None = None
    vacuum: bool = False


@dataclass(frozen=True)
class Canal:
    """Spinal canal and what is in it, as functions of z (knots from foot to head)."""

    z: Vector
    front_y: Vector
    centre_x: Vector
    depth: Vector
    half_width: Vector
    sac_depth: Vector
    anterior_fat: Vector
    conus_z: float
    sac_end_z: float
    cord_depth: float
    root_seed: int
    root_crowding: float = 0.0


@dataclass(frozen=True)
class Organ:
    """An ellipsoid with a wall: bowel loop, kidney, bladder, liver."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    wall: str
    content: str
    wall_mm: float
    lean_deg: float = 0.0


@dataclass(frozen=True)
class Surroundings:
    """Everything that is not spine; lines are given as y over z (knots from foot to head)."""

    z: Vector
    front_y: Vector
    """Front of the bodies."""
    middle_y: Vector
    fascia_y: Vector
    """Back border of the muscles."""
    subcutaneous: Vector
    """Thickness of the fat under the skin of the back."""
    belly_y: Vector
    """Skin of the belly."""
    belly_fat: float
    muscle_fat: float
    """Share of fat in the deep muscles of the back at the lowest level, 0..1."""
    psoas_radius: float
    psoas_top_z: float
    aorta_x: float
    aorta_radius: float
    bifurcation_z: float
    cava_radius: float
    body_half_width: float
    organs: tuple[Organ, ...]
    texture_seed: int
    marrow_mottling: float = 0.08


@dataclass(frozen=True)
class LumbarSpine:
    """A whole drawn anatomy: bones from the head down, discs between them, and the body around."""

    vertebrae: tuple[Vertebra, ...]
    discs: tuple[Disc, ...]
    sacrum: tuple[Vertebra, ...]
    canal: Canal
    surroundings: Surroundings
    pathologies: tuple[dict[str, Any], ...] = field(default=())
    sacralised: bool = False

    @property
    def centre(self) -> Vector:
        """A point near the middle of the lumbar spine: where a scan is centred."""
        lumbar = [v.frame.origin for v in self.vertebrae if v.label >= Anatomy.L1]
        middle: Vector = np.mean(lumbar, axis=0)
        return middle

    def vertebra(self, label: int) -> Vertebra:
        """The vertebra of that number; raises ``KeyError`` where this spine has none."""
        for bone in (*self.vertebrae, *self.sacrum[:1]):
            if bone.label == label:
                return bone
        raise KeyError(label)

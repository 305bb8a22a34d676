"""Features of size and shape: formula, IBSI code, unit, remark."""

from __future__ import annotations

Row = tuple[str, str, str, str]

_IN_PLANE = "largest distance of two vertices of the surface in one plane of"
_SHORTER = "pyradiomics' variance: sums over N; IBSI's values have N - 1 and are longer, by under 1 % from 51 voxels on"
_SAMPLE = "on request only: as in IBSI's reference values"
_OUTLINE = "IBSI defines no features of outlines"

SHAPE: dict[str, Row] = {
    "Elongation": ("sqrt(l2 / l1)", "Q3CK", "1", "1 is round, smaller is longer"),
    "Flatness": ("sqrt(l3 / l1)", "N17B", "1", "1 is round, 0 is flat"),
    "LeastAxisLength": ("4 sqrt(l3)", "7J51", "mm", _SHORTER),
    "MajorAxisLength": ("4 sqrt(l1)", "TDIC", "mm", _SHORTER),
    "Maximum2DDiameterColumn": (f"{_IN_PLANE} rows and slices", "", "mm", "not in IBSI"),
    "Maximum2DDiameterRow": (f"{_IN_PLANE} columns and slices", "", "mm", "not in IBSI"),
    "Maximum2DDiameterSlice": (f"{_IN_PLANE} rows and columns", "", "mm", "not in IBSI"),
    "Maximum3DDiameter": ("largest distance of two vertices of the surface", "L0JK", "mm", ""),
    "MeshVolume": ("V = sum a . (b x c) / 6 over the triangles a, b, c of the surface", "RNU0", "mm^3", ""),
    "MinorAxisLength": ("4 sqrt(l2)", "P9VJ", "mm", _SHORTER),
    "Sphericity": ("(36 pi V^2)^(1/3) / A", "QCFX", "1", "1 for a ball"),
    "SurfaceArea": ("A = sum |(b - a) x (c - a)| / 2 over the triangles of the surface", "C0JK", "mm^2", ""),
    "SurfaceVolumeRatio": ("A / V", "2PR5", "1/mm", ""),
    "VoxelVolume": ("N v", "YEKZ", "mm^3", "IBSI's approximate volume; larger than MeshVolume"),
    "Asphericity": ("A / (36 pi V^2)^(1/3) - 1", "25C7", "1", "on request only: 1 / Sphericity - 1; 0 for a ball"),
    "Compactness1": ("V / sqrt(pi A^3)", "SKGS", "1", "on request only: it follows from Sphericity"),
    "Compactness2": ("36 pi V^2 / A^3", "BQWJ", "1", "on request only: it follows from Sphericity"),
    "LeastAxisLengthIBSI": ("4 sqrt(l3 N / (N - 1))", "7J51", "mm", _SAMPLE),
    "MajorAxisLengthIBSI": ("4 sqrt(l1 N / (N - 1))", "TDIC", "mm", _SAMPLE),
    "MinorAxisLengthIBSI": ("4 sqrt(l2 N / (N - 1))", "P9VJ", "mm", _SAMPLE),
    "SphericalDisproportion": ("A / (36 pi V^2)^(1/3)", "KRCK", "1", "on request only: 1 / Sphericity"),
}

SHAPE_2D: dict[str, Row] = {
    "Elongation": ("sqrt(l2 / l1)", "", "1", _OUTLINE),
    "MajorAxisLength": ("4 sqrt(l1)", "", "mm", _OUTLINE),
    "MaximumDiameter": ("largest distance of two vertices of the outline", "", "mm", _OUTLINE),
    "MeshSurface": ("A, the area inside the outline", "", "mm^2", _OUTLINE),
    "MinorAxisLength": ("4 sqrt(l2)", "", "mm", _OUTLINE),
    "Perimeter": ("P, the length of the outline", "", "mm", _OUTLINE),
    "PerimeterSurfaceRatio": ("P / A", "", "1/mm", _OUTLINE),
    "PixelSurface": ("N a", "", "mm^2", _OUTLINE),
    "Sphericity": ("2 sqrt(pi A) / P", "", "1", f"1 for a circle; {_OUTLINE}"),
    "SphericalDisproportion": ("P / (2 sqrt(pi A))", "", "1", "on request only: 1 / Sphericity"),
}

"""Eigenvalues of many small symmetric matrices without waiting for threads."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from spinemr.radiomics.features.evaluation import Array

UNTHREADED = 99
"""Up to this size OpenBLAS keeps the unblocked reduction on one thread."""


def symmetric_eigenvalues(matrices: Array) -> Array:
    """The eigenvalues of each matrix, ascending.

    The blocked reduction behind ``numpy.linalg.eigvalsh`` wakes all threads of OpenBLAS dozens of times a matrix: on a busy
    machine that took 300 ms for thirteen 64 x 64 matrices that one thread solves in 2 ms. LAPACK reduces unblocked where it is
    given a work array of length 1.
    """
    if matrices.shape[-1] > UNTHREADED:
        return np.linalg.eigvalsh(matrices).astype(np.float64)
    return np.stack([_solve(matrix) for matrix in matrices])


def _solve(matrix: Array) -> Array:
    if len(matrix) == 1:
        only: Array = matrix[0]
        return only
    _, diagonal, beside, _, trouble = lapack.dsytrd(matrix, lower=1, lwork=1)
    values, failed = lapack.dsterf(diagonal, beside)
    if trouble or failed:
        return np.linalg.eigvalsh(matrix).astype(np.float64)
    return np.asarray(values, dtype=np.float64)

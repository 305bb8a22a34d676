"""Feature names as a chart shows them."""

from __future__ import annotations

from collections.abc import Sequence


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """``original_glcm_Idmn`` as "glcm Idmn"; other filters stay in front: "wavelet-LLH glcm Idmn"."""
    return tuple(short_name(name) for name in names)


def short_name(name: str) -> str:
    """One feature's name without ``original_``, blanks for the underlines between filter, class and feature."""
    return name.removeprefix("original_").replace("_", " ", 2)

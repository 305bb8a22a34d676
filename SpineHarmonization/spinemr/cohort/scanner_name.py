"""What a scanner is called in tables: maker and field strength in plain words, the model as four characters.

Free text of headers may hold anything, also the name of a patient: none of it is passed on.
"""

from __future__ import annotations

from spinemr.cohort.pseudonyms import Pseudonyms

_MAKERS = {
    "siemens": "siemens", "philips": "philips", "general electric": "ge", "ge medical": "ge", "ge health": "ge", "canon": "canon",
    "toshiba": "canon", "fuji": "fujifilm", "hitachi": "hitachi", "esaote": "esaote", "united imaging": "united-imaging",
    "uih": "united-imaging", "neusoft": "neusoft", "hyperfine": "hyperfine", "bruker": "bruker", "alltech": "alltech",
    "paramed": "paramed", "xingaoyi": "xingaoyi", "time medical": "time-medical", "mindray": "mindray", "ge": "ge",
}  # fmt: skip
_OTHER = "other"
_STRONGEST_T = 20.0


def scanner_name(maker: str, model: str, field_t: float, names: Pseudonyms) -> str:
    """``siemens-1.5t-9c1e``; empty where the header says nothing of its scanner."""
    if not (maker.strip() or model.strip() or field_t > 0):
        return ""
    strength = f"{field_t:.3g}t" if 0 < field_t < _STRONGEST_T else ""
    told = names.short(" ".join(f"{maker} {model}".lower().split())) if model.strip() else ""
    return "-".join(part for part in (_maker(maker), strength, told) if part)


def _maker(text: str) -> str:
    """A maker by the words its name starts with; "GE" alone is nobody's first syllable."""
    name = " ".join(text.lower().split())
    for start, short in _MAKERS.items():
        if name == start or (name.startswith(start) and len(start) > 2):
            return short
    return _OTHER

"""The verdict on a case as a card: one word, its reasons as links to the slice, and on request everything that was checked."""

from __future__ import annotations

import html
from typing import Any

import qt
from slicer.i18n import tr as _

from SpineSegmentationLib.Signal import Signal

_COLOURS = {"pass": "#1b7f4b", "review": "#9a6400", "do not trust": "#b3261e"}
"""Backgrounds on which white text keeps a contrast of at least 4.5 to 1."""
_UNKNOWN = "#5a5a5a"


class VerdictCard:
    """Drives the labels of the card."""

    def __init__(self, title: qt.QLabel, reasons: qt.QLabel, everything: qt.QCheckBox) -> None:
        self.placeChosen = Signal()
        """With a point in millimetres (LPS)."""
        self._title, self._reasons, self._everything = title, reasons, everything
        self._quality: dict[str, Any] = {}
        self._places: list[tuple[float, float, float]] = []
        reasons.linkActivated.connect(self._onLink)
        everything.toggled.connect(lambda _on=False: self.show(self._quality))

    def show(self, quality: dict[str, Any]) -> None:
        """Show the content of qc.json; empty: there is no verdict yet."""
        self._quality, self._places = quality, []
        decision = str(quality.get("verdict", ""))
        self._title.setText(self._word(decision))
        colour = _COLOURS.get(decision, _UNKNOWN)
        self._title.setStyleSheet(f"background: {colour}; color: white; font-weight: bold; padding: 6px; border-radius: 3px;")
        self._title.setVisible(bool(decision))
        self._everything.setVisible(bool(decision))
        self._reasons.setText(self._text(quality) if decision else _("There is no verdict yet: run Harmonize & Segment."))

    def _word(self, decision: str) -> str:
        words = {
            "pass": _("Pass: no check failed"),
            "review": _("Review: look at these points before you use the result"),
            "do not trust": _("Do not trust this result"),
        }
        return words.get(decision, decision)

    def _text(self, quality: dict[str, Any]) -> str:
        parts = [self._list(quality.get("reasons", []))]
        segmentation = quality.get("segmentation") or {}
        parts.append(self._plain([*segmentation.get("flags", []), *quality.get("notes", [])]))
        confidence = segmentation.get("level_confidence")
        if confidence is not None:
            counted = _("Levels are counted from the {start} (confidence {share:.0f} %) and could be shifted by one.")
            parts.append(f"<p>{counted.format(start=segmentation.get('counted_from', ''), share=100 * confidence)}</p>")
        if self._everything.checked:
            parts += [f"<p><b>{_('Passed')}</b></p>", self._list(quality.get("passed", []))]
            parts += [f"<p><b>{_('Not checked')}</b></p>", self._list(quality.get("not_checked", []))]
        return "".join(parts)

    def _list(self, findings: list[dict[str, Any]]) -> str:
        items = "".join(f"<li>{self._finding(finding)}</li>" for finding in findings)
        return f"<ul style='margin-left: 12px; -qt-list-indent: 0;'>{items}</ul>" if items else ""

    def _finding(self, finding: dict[str, Any]) -> str:
        sentence = html.escape(str(finding.get("sentence", "")))
        place = finding.get("place")
        if place is None:
            return sentence
        self._places.append(tuple(float(value) for value in place["point_mm"]))
        where = _("slice {number}").format(number=int(place["slice"]) + 1)
        return f"{sentence} <a href='{len(self._places) - 1}'>{where}</a>"

    @staticmethod
    def _plain(sentences: list[str]) -> str:
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in dict.fromkeys(sentences))
        return f"<ul style='margin-left: 12px; -qt-list-indent: 0;'>{items}</ul>" if items else ""

    def _onLink(self, link: str) -> None:
        if link.isdigit() and int(link) < len(self._places):
            self.placeChosen.emit(self._places[int(link)])

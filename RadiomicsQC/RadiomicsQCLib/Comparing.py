"""The part of the panel that compares: images by their features, masks by their volumes, scanners by a cohort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiomicsQCLib import Comparisons


class Comparing:
    """Drives three buttons and the table of what they give. ``panel`` tells the volume and the parameters that are chosen."""

    def __init__(self, panel: Any) -> None:
        self._panel, self._ui = panel, panel.ui
        self._ui.errorsButton.clicked.connect(lambda _checked=False: self.compareFeatures())
        self._ui.agreementButton.clicked.connect(lambda _checked=False: self.compareMasks())
        self._ui.dependenceButton.clicked.connect(lambda _checked=False: self.compareScanners())
        self.clear()

    def enable(self, busy: str) -> None:
        """Say why a comparison cannot be made."""
        ui, parameters = self._ui, self._panel._parameterNode
        features = self._features()
        none = busy or ("" if features is not None else _("There are no features of this volume yet."))
        single = _("Needs features of a harmonized or reference image, too.")
        single = none or ("" if Comparisons.comparedWith(features) else single)
        _enable(single, ui.errorsButton, _("How far features lie from the reference, or were moved: a heat map."))
        masks = busy or ("" if parameters is not None and parameters.segmentation is not None else _("Select a segmentation."))
        _enable(masks, ui.agreementButton, _("Volumes in the automatic and in the corrected mask: a Bland-Altman plot."))
        missing = _("Select a table of features with a column named scanner.")
        cohort = busy or ("" if parameters is not None and parameters.cohortTable is not None else missing)
        _enable(cohort, ui.dependenceButton, _("Which features differ between scanners: KS and Welch tests."))

    def clear(self) -> None:
        """Show no result."""
        self._show(None, "")

    def say(self, text: str) -> None:
        """A sentence beside the result."""
        self._ui.resultLabel.setText(text)
        self._ui.resultLabel.setVisible(bool(text))

    def compareFeatures(self) -> None:
        """Relative errors as table and heat map."""
        self._try(_("The features could not be compared."), self._compareFeatures)

    def compareMasks(self) -> None:
        """Automatic and corrected volumes as a plot."""
        self._try(_("The masks could not be compared."), self._compareMasks)

    def compareScanners(self) -> None:
        """Tests of the cohort as a table."""
        self._try(_("The scanners could not be compared."), self._compareScanners)

    def _compareFeatures(self) -> None:
        found = self._panel.logic.relativeErrors(self._panel.volume)
        self._show(found.table, _("Relative errors in percent; the heat map lies in the plot view."))
        showChart(found.chart)

    def _compareMasks(self) -> None:
        chart = self._panel.logic.agreement(self._panel.volume, self._panel._parameterNode.segmentation)
        table = chart.GetNthPlotSeriesNode(0).GetTableNode()
        self._show(table, _("Volumes in ml, corrected minus automatic; the plot lies in the plot view."))
        showChart(chart)

    def _compareScanners(self) -> None:
        self._show(*self._panel.logic.scannerDependence(self._panel._parameterNode.cohortTable))

    def _features(self) -> Any:
        from spinemr.imaging.errors import SpineMRError
        from spinemr.scene.case_nodes import case_of

        volume = self._panel.volume
        table = None if volume is None else case_of(volume).features
        try:
            return None if table is None else Comparisons.featuresOf(table)
        except SpineMRError:  # somebody edited the table
            return None

    def _show(self, table: slicer.vtkMRMLTableNode | None, text: str) -> None:
        self._ui.resultTable.setMRMLTableNode(table)
        self._ui.resultTable.setVisible(table is not None)
        self.say(text)

    @staticmethod
    def _try(message: str, work: Callable[[], None]) -> None:
        with slicer.util.tryWithErrorDisplay(message, waitCursor=True):
            work()


def showChart(chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Show a chart in a plot view, with a layout that has one."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def _enable(reason: str, button: Any, ready: str) -> None:
    button.enabled = not reason
    button.toolTip = reason or ready

"""Method and reference: which of the widgets count for a method, and why the others do not."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SpineHarmonizationLib import Methods
from SpineSegmentationLib.Choices import NamedChoice


class ReferenceChoice:
    """Drives the widgets that are not bound to the parameter node by name. ``panel`` has the node that is chosen."""

    def __init__(self, panel: Any) -> None:
        self._panel, self._ui = panel, panel.ui
        self.methods = NamedChoice(self._ui.methodSelector, Methods.methods(), lambda name: self._put("method", name))
        self.targets = NamedChoice(self._ui.targetSelector, [], lambda name: self._put("target", name))
        self._targetsOf = ""
        self._ui.referencePathEdit.currentPathChanged.connect(lambda path: self._put("referencePath", path))
        self._offerTargets(Methods.AUTO)

    def follow(self, parameters: Any) -> None:
        """Show what the parameter node says."""
        self.methods.show(parameters.method)
        self._offerTargets(parameters.method)
        self.targets.show(parameters.target)
        if self._ui.referencePathEdit.currentPath != parameters.referencePath:
            self._ui.referencePathEdit.currentPath = parameters.referencePath

    def update(self) -> None:
        """Enable what counts for the method."""
        ui, parameters = self._ui, self._panel._parameterNode
        method = parameters.method if parameters is not None else Methods.AUTO
        takesVolume, takesFile = Methods.takesVolume(method), Methods.takesFile(method)
        chosen = takesVolume and parameters.referenceVolume is not None
        ui.methodSelector.toolTip = Methods.summary(method)
        ui.referenceSelector.enabled = takesVolume
        ui.referencePathEdit.enabled = takesFile and not chosen
        none = _("This method is not fitted on a loaded volume.") if takesFile else _("This method needs no reference.")
        ui.referenceSelector.toolTip = _("A loaded study whose appearance is wanted.") if takesVolume else none
        files = _("A fitted method (.json), an image, or a folder of images.")
        files = files if takesVolume else _("A fitted method (.json) or a network of your own.")
        other = _("The loaded volume is the reference.") if chosen else none
        ui.referencePathEdit.toolTip = files if takesFile and not chosen else other

    def _offerTargets(self, method: str) -> None:
        """The row of targets is gone where a method brings none."""
        if method == self._targetsOf:
            return
        self._targetsOf = method
        targets = Methods.targets(method)
        self.targets.offer(targets)
        for widget in (self._ui.targetSelector, self._ui.targetSelectorLabel):
            widget.setVisible(bool(targets))

    def _put(self, name: str, value: str) -> None:
        parameters = self._panel._parameterNode
        if parameters is not None and getattr(parameters, name) != value:
            setattr(parameters, name, value)

"""Draw the pictures of docs/slicer.md: the three modules in the Qt test host, on a drawn study (needs ``make test-desktop``)."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "Testing" / "desktop"))

import host as desktop  # noqa: E402

PANEL, VIEWS, HEIGHT = 420, 860, 900
QUALITY = 82


def picture(host: desktop.Host, widget: object, name: str) -> None:
    """The panel beside the slice views, as Slicer lays them out."""
    from PySide6 import QtCore, QtGui

    frame, manager = host.frame_of(widget), host.app.layoutManager()
    frame.resize(PANEL, HEIGHT)
    manager.resize(VIEWS, HEIGHT)
    for part in (frame, manager):
        part.show()
    host.settle()
    whole = QtGui.QPixmap(PANEL + VIEWS, HEIGHT)
    whole.fill(QtCore.Qt.white)
    painter = QtGui.QPainter(whole)
    painter.drawPixmap(0, 0, frame.grab())
    painter.drawPixmap(PANEL, 0, manager.grab())
    painter.end()
    path = HERE / f"slicer_{name}.jpg"
    whole.save(str(path), "JPG", QUALITY)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


def show_views(host: desktop.Host) -> None:
    """The views at the size of the picture, fitted to the image."""
    manager = host.app.layoutManager()
    manager.resize(VIEWS, HEIGHT)
    manager.show()
    host.settle()
    manager.resetSliceViews()


def run(host: desktop.Host, widget: object) -> None:
    """Press the primary button and wait."""
    widget.ui.applyButton.click()
    if not host.wait(lambda: widget.job is None, 300) or host.messages:
        raise SystemExit(f"It did not work: {host.messages}")


def main() -> None:
    """All pictures, one study through all three modules."""
    import slicer

    host = desktop.start()
    harmonization = host.load("SpineHarmonization")
    harmonization.onSample()
    run(host, harmonization)
    harmonization.ui.sideBySideButton.click()
    show_views(host)
    picture(host, harmonization, "harmonization")
    harmonization.ui.sideBySideButton.click()
    harmonization.exit()

    segmentation = host.load("SpineSegmentation")
    host.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpYellowSliceView)
    show_views(host)
    segmentation.levels.select(123)
    segmentation.ui.correctionCollapsibleButton.collapsed = False
    segmentation.ui.showCollapsibleButton.collapsed = True
    segmentation.onEdit()
    picture(host, segmentation, "segmentation")
    segmentation.exit()

    radiomics = host.load("RadiomicsQC")
    run(host, radiomics)
    radiomics.ui.inputsCollapsibleButton.collapsed = True
    radiomics.ui.settingsCollapsibleButton.collapsed = True
    radiomics.comparing.compareFeatures()
    radiomics.showStructure(124)
    picture(host, radiomics, "radiomics")
    host.close_panels()


if __name__ == "__main__":
    main()

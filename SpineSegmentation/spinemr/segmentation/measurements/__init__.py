"""Measurements of an anatomy label map in millimetres and degrees."""

from spinemr.segmentation.measurements.measure import measure, measure_image
from spinemr.segmentation.measurements.rows import DiscRow, SpineMeasurements, VertebraRow

__all__ = ["DiscRow", "SpineMeasurements", "VertebraRow", "measure", "measure_image"]

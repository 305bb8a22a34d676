"""Names under which nodes refer to each other, and attributes they carry: how modules and saved scenes find them again."""

from __future__ import annotations

HARMONIZED_ROLE, SEGMENTATION_ROLE = "SpineMR.harmonized", "SpineMR.segmentation"
MEASUREMENTS_ROLE, FEATURES_ROLE = "SpineMR.measurements", "SpineMR.features"
VERDICT_ROLE, QUALITY_ROLE = "SpineMR.verdict", "SpineMR.quality"
"""From a volume to what was made of it."""
SOURCE_ROLE = "SpineMR.source"
"""From a result to the volume it was made from."""
AUTOMATIC_ROLE, AUDIT_ROLE = "SpineMR.automatic", "SpineMR.audit"
"""From a segmentation to its automatic mask and to its entries on corrections."""

CORRECTED = "SpineMR.Corrected"
"""Attribute of segments whose corrections were accepted; its value is the time."""
MEASURED = "SpineMR.Measured"
"""Attribute of lines and angles that show a measurement (the structure's number, or "lordosis"), and of their folder."""

"""Parts of the Spine Harmonization module's panel."""

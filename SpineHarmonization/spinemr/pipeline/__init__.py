"""The whole job: one case harmonized, segmented, measured and judged, and its results as a folder."""

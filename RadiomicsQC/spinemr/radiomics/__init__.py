"""Radiomic features of lumbar MRI, the statistics that judge a harmonization by them, and a verdict with reasons."""

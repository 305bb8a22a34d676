"""Whether a harmonized image still shows the anatomy of the original."""

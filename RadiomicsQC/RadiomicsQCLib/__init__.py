"""Parts of the Radiomics QC module."""

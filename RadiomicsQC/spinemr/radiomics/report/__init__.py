"""Results as pages, plots and tables that people read: no network, no scripts, no plotting library.

- :func:`spinemr.radiomics.report.page.report_page`: one case; :func:`spinemr.radiomics.report.case_folder.read_case` finds
  what a folder holds about it
- :func:`spinemr.radiomics.report.compare_page.compare_page`: two tables of features
- :mod:`spinemr.radiomics.report.charts`: each chart as a function of its data
"""

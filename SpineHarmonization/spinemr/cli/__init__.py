"""The command ``spinemr``: a thin layer of options, tables and exit codes over the library."""

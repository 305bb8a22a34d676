"""One module a command; each imports the library when it runs, so that ``--help`` is immediate."""

"""``python -m spinemr.cli``: the same as ``spinemr``."""

from __future__ import annotations

import sys

from spinemr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

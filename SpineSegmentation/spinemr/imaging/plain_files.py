"""Files of text that may be anything: pipes, devices, endless files and endless nesting become errors like any other."""

from __future__ import annotations

import errno
import json
import stat
from pathlib import Path
from typing import Any

MAX_TEXT_BYTES = 2**28
"""No table, card or configuration is larger."""


def regular(path: Path) -> Path:
    """The path of a file that ends; opening a pipe waits for ever, reading a device never ends. Raises ``OSError``."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no plain file")
    return path


def text_of(path: Path, encoding: str = "utf-8") -> str:
    """The text of a plain file of a believable size; raises ``OSError`` or ``UnicodeDecodeError``."""
    if regular(path).stat().st_size > MAX_TEXT_BYTES:
        raise OSError(errno.EFBIG, "it is larger than any such file")
    return path.read_text(encoding=encoding)


def json_of(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """The value of a JSON text; raises ``ValueError``, also for nesting deeper than can be followed."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None

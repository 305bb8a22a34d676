"""Tables, settings and other texts with something wrong in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    2**70,
    "",
    "abc",
    "nan",
    "inf",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    "../../x",
    "/dev/zero",
    "\0",
    "x" * 5000,
)
WORDS = (
    b"",
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"abc",
    b'"',
    b"1,2",
    b"\xff\xfe",
    b"\0",
    b"9" * 400,
    b"=cmd()",
    b"\r",
    b"[",
    b"{",
    b"&a *a",
    b"!!python/object:os.system x",
)


def cell_changed(random: Random, content: bytes) -> bytes:
    """A value of a table or list has something else in its place."""
    places = [match.span() for match in re.finditer(rb"[^,:\s\[\]{}\"]+", content)]
    for _ in range(random.randint(1, 3)):
        start, stop = random.choice(places)
        if stop <= len(content):
            content = content[:start] + random.choice(WORDS) + content[stop:]
            places = [match.span() for match in re.finditer(rb"[^,:\s\[\]{}\"]+", content)] or [(0, 0)]
    return content


def line_changed(random: Random, content: bytes) -> bytes:
    """A line is missing, twice there, indented, or in another place."""
    lines = content.split(b"\n")
    place = random.randrange(len(lines))
    line = lines.pop(place)
    for _ in range(random.choice((0, 1, 2))):
        lines.insert(
            random.randrange(len(lines) + 1), random.choice((line, b"  " + line, b"\t" + line, line.replace(b",", b";")))
        )
    return b"\n".join(lines)


def other_encoding(random: Random, content: bytes) -> bytes:
    """UTF-16, Latin-1 with an accent, a byte order mark."""
    text = content.decode("utf-8", "replace")
    return random.choice((text.encode("utf-16"), "é".encode("latin-1") + content, b"\xef\xbb\xbf" + content, b"\0" + content))


def deeply_nested(random: Random, content: bytes) -> bytes:
    """A hundred thousand brackets."""
    return random.choice((b"[" * 100000, b'{"a":' * 100000, b"- " * 20000, content + b"[" * 5000))


def value_changed(random: Random, content: bytes) -> bytes:
    """A value of a JSON text has another kind, is missing or has a stranger beside it."""
    tree = json.loads(content)
    holders = list(_holders(tree))
    for _ in range(random.randint(1, 2)):
        holder = random.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key = random.choice(keys)
        action = random.random()
        if action < 0.7:
            holder[key] = random.choice(VALUES)
        elif action < 0.9:
            del holder[key]
        elif isinstance(holder, dict):
            holder["stranger"] = random.choice(VALUES)
    return json.dumps(random.choice(VALUES) if random.random() < 0.05 else tree).encode()


def _holders(tree: Any) -> list[Any]:
    inner = list(tree.values()) if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    found = [tree] if isinstance(tree, (dict, list)) else []
    return found + [holder for one in inner for holder in _holders(one)]


TEXT_CHANGES: dict[str, Callable[[Random, bytes], bytes]] = {
    change.__name__.replace("_", " "): change for change in (cell_changed, line_changed, other_encoding, deeply_nested)
}
JSON_CHANGES = {**TEXT_CHANGES, "value changed": value_changed, "value changed again": value_changed}

"""As much YAML as parameter files are written in, for where PyYAML is not installed (3D Slicer).

Nested names by indentation, lists with dashes or in brackets, braces, quotes, comments, numbers, true/false, null. Anything
else (anchors, tags, texts over several lines, several documents) is refused with its line, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from spinemr.imaging.errors import InputError

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None,
    "true": True, "yes": True, "on": True,
    "false": False, "no": False, "off": False,
}  # fmt: skip
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FRACTION = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
_KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s\[\]{},:&*!|>%@`"'#-][^:#]*?)\s*:(?:\s+(.*)|$)""")
_TOKEN = re.compile(r"""\s*([\[\]{},:]|"[^"]*"|'(?:[^']|'')*'|[^\[\]{},:"']+)""")


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str


def parse(text: str) -> Any:  # noqa: ANN401
    """The content of a text as dictionaries, lists and plain values."""
    lines = _lines(text)
    if not lines:
        return None
    value, rest = _block(lines, lines[0].indent)
    if rest:
        raise _refused(rest[0])
    return value


def _lines(text: str) -> list[_Line]:
    """The lines that say something, without comments; a value in brackets that goes on over several lines is one."""
    found: list[_Line] = []
    open_brackets = 0
    for number, raw in enumerate(text.splitlines(), start=1):
        bare = _without_comment(raw).rstrip()
        if not bare.strip() or (bare == "---" and not found):
            continue
        indent = len(bare) - len(bare.lstrip(" "))
        if bare[indent] == "\t" or bare in ("---", "..."):
            raise _refused(_Line(number, indent, bare))
        if open_brackets > 0:
            found[-1] = _Line(found[-1].number, found[-1].indent, f"{found[-1].text} {bare.strip()}")
        else:
            found.append(_Line(number, indent, bare.strip()))
        open_brackets = _open_brackets(found[-1].text)
    return found


def _without_comment(raw: str) -> str:
    quote = ""
    for place, letter in enumerate(raw):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (place == 0 or raw[place - 1] in " \t"):
            return raw[:place]
    return raw


def _open_brackets(text: str) -> int:
    bare = re.sub(r"""("[^"]*"|'[^']*')""", "", text)
    return sum(bare.count(b) for b in "[{") - sum(bare.count(b) for b in "]}")


def _block(lines: list[_Line], indent: int) -> tuple[Any, list[_Line]]:
    """The value that begins at an indentation, and the lines after it."""
    first = lines[0]
    if first.text.startswith("- ") or first.text == "-":
        return _listed(lines, indent)
    if _KEY.fullmatch(first.text):
        return _named(lines, indent)
    return _scalar(first.text, first), lines[1:]


def _named(lines: list[_Line], indent: int) -> tuple[dict[str, Any], list[_Line]]:
    found: dict[str, Any] = {}
    while lines and lines[0].indent == indent:
        line = lines[0]
        match = _KEY.fullmatch(line.text)
        if match is None:
            raise _refused(line)
        key, value = _unquoted(match[1]), match[2] or ""
        if key in found:
            raise InputError(f"line {line.number} names {key} a second time.")
        if value:
            found[key], lines = _scalar(value, line), lines[1:]
        else:
            found[key], lines = _below(lines, indent, lists_at_same_indent=True)
    return found, _ended(lines, indent)


def _listed(lines: list[_Line], indent: int) -> tuple[list[Any], list[_Line]]:
    found: list[Any] = []
    while lines and lines[0].indent == indent and (lines[0].text.startswith("- ") or lines[0].text == "-"):
        line = lines[0]
        value = line.text[1:].strip()
        if _KEY.fullmatch(value) or value.startswith("- "):
            raise _refused(line)
        if value:
            found.append(_scalar(value, line))
            lines = lines[1:]
        else:
            item, lines = _below(lines, indent, lists_at_same_indent=False)
            found.append(item)
    return found, _ended(lines, indent)


def _below(lines: list[_Line], indent: int, *, lists_at_same_indent: bool) -> tuple[Any, list[_Line]]:
    """What is indented under the first line; nothing is null."""
    rest = lines[1:]
    if rest and rest[0].indent > indent:
        return _block(rest, rest[0].indent)
    if lists_at_same_indent and rest and rest[0].indent == indent and rest[0].text.startswith("- "):
        return _listed(rest, indent)
    return None, rest


def _ended(lines: list[_Line], indent: int) -> list[_Line]:
    if lines and lines[0].indent > indent:
        raise _refused(lines[0])
    return lines


def _scalar(text: str, line: _Line) -> Any:  # noqa: ANN401
    """A value that stands in one line."""
    if text[0] not in "[{":
        if text[0] in "&*!|>%@`" or (text[0] in "\"'" and (len(text) < 2 or text[-1] != text[0])):
            raise _refused(line)
        return _plain(text)
    tokens = _TOKEN.findall(text)
    if "".join(tokens).replace(" ", "") != text.replace(" ", ""):
        raise _refused(line)
    words = [token.strip() for token in tokens if token.strip()]
    value = _flow(words, line)
    if words:
        raise _refused(line)
    return value


def _flow(words: list[str], line: _Line) -> Any:  # noqa: ANN401
    """A value in brackets or braces; takes its words off the list."""
    if not words:
        raise _refused(line)
    opening = words.pop(0)
    if opening not in "[{":
        if opening in "]},:":
            raise _refused(line)
        return _plain(opening)
    items: list[Any] = []
    pairs: dict[str, Any] = {}
    while words and words[0] not in "]}":
        item = _flow(words, line)
        if opening == "{":
            if not words or words.pop(0) != ":":
                raise _refused(line)
            pairs[str(item)] = None if words and words[0] in ",}" else _flow(words, line)
        else:
            items.append(item)
        if words and words[0] == ",":
            words.pop(0)
        elif words and words[0] not in "]}":
            raise _refused(line)
    if not words or words.pop(0) != {"[": "]", "{": "}"}[opening]:
        raise _refused(line)
    return items if opening == "[" else pairs


def _plain(text: str) -> Any:  # noqa: ANN401
    if text[0] in "\"'":
        return _unquoted(text)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _FRACTION.fullmatch(text):
        return float(text.replace("_", ""))
    return text


def _unquoted(text: str) -> str:
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    return text[1:-1] if text[:1] == '"' else text


def _refused(line: _Line) -> InputError:
    return InputError(f"line {line.number} is not understood.", "Write it more simply, or install PyYAML (pip install PyYAML).")

"""Attributes that widgets of trame do not know by name."""

from __future__ import annotations

import html


def marked(testid: str = "", label: str | tuple[str] = "", **more: str) -> list[str]:
    """A name for tests, what screen readers say (an expression as a tuple of one), and other attributes as they are."""
    found = [f'data-testid="{testid}"'] if testid else []
    if isinstance(label, tuple):
        found.append(f':aria-label="{label[0]}"')
    elif label:
        found.append(f'aria-label="{html.escape(label)}"')
    return [*found, *(f'{name}="{html.escape(value)}"' for name, value in more.items())]

"""The frame of every page: one file with its style inside, nothing to fetch and no script, on screen and on A4."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from spinemr.radiomics.report.charts.svg import element, inline, plain

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 28px 40px; max-width: 1100px; background: #ffffff; color: #1a1a1a;
  font: 15px/1.45 Arial, Helvetica, 'Liberation Sans', sans-serif; }
h1 { font-size: 24px; margin: 0 0 14px; }
h2 { font-size: 18px; margin: 30px 0 8px; padding-bottom: 4px; border-bottom: 1px solid #c8c8c8; }
h3 { font-size: 15px; margin: 16px 0 4px; }
p { margin: 6px 0; max-width: 80ch; overflow-wrap: break-word; }
a { color: #00598c; }
.quiet { color: #4d4d4d; font-size: 13px; }
.verdict { display: flex; gap: 18px; align-items: center; padding: 14px 18px; border: 3px solid; border-radius: 8px; }
.verdict svg { flex: none; }
.verdict .word { font-size: 24px; font-weight: bold; }
.verdict.pass { border-color: #007a58; background: #eefaf6; }
.verdict.review { border-color: #b87f00; background: #fff8e6; }
.verdict.distrust { border-color: #b04a00; background: #fdf0e8; }

.halves { columns: 2; column-gap: 34px; }
.halves table { width: 100%; margin: 0 0 14px; break-inside: avoid; }
.halves tbody th { overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 8px 0; font-size: 13.5px; }
th, td { padding: 3px 12px 3px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e2e2e2;
  overflow-wrap: break-word; }
thead th { vertical-align: bottom; border-bottom: 1.5px solid #8c8c8c; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th.number { white-space: normal; }
tbody th { font-weight: normal; }
.name { white-space: nowrap; }
.swatch { display: inline-block; width: 11px; height: 11px; margin-right: 7px; border: 1px solid #555555; }
.figures { display: flex; flex-wrap: wrap; gap: 16px 18px; align-items: flex-start; }
.figures figure { margin: 0; }
.pictures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 14px; align-items: start; }
.pictures figure { margin: 0; }
.pictures svg { display: block; width: 100%; height: auto; }
.charts svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: 13px; color: #333333; margin-top: 4px; }
figure:target { outline: 3px solid #0072B2; outline-offset: 4px; }
footer { margin-top: 34px; padding-top: 8px; border-top: 1px solid #c8c8c8; font-size: 13px; color: #4d4d4d; }
@media (max-width: 700px) { .pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); } body { padding: 14px; } }
@page { size: A4; margin: 14mm 15mm 15mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  h1 { font-size: 16pt; } h2 { font-size: 12.5pt; margin-top: 16pt; break-after: avoid; }
  table { font-size: 9pt; } .halves table { font-size: 8.5pt; } .halves td, .halves th { padding-right: 6px; }
  thead { display: table-header-group; }
  tr, figure, .verdict { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
  p.quiet { break-after: avoid; }
  .pictures { gap: 8px; } .figures { gap: 10px; }
}
"""


def page(title: str, sections: Iterable[str]) -> str:
    """A whole page; its markup is also well-formed XML."""
    head = element("meta", charset="utf-8") + element("meta", name="viewport", content="width=device-width, initial-scale=1")
    head += element("title", plain(title)) + f"<style>{STYLE}</style>"
    body = "\n".join(sections)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def section(heading: str, *parts: str) -> str:
    """A part of a page under its heading; nothing where there is nothing to say."""
    inside = "".join(part for part in parts if part)
    return f"<section>{element('h2', plain(heading))}{inside}</section>" if inside else ""


def paragraph(content: str, kind: str | None = None) -> str:
    """A paragraph of plain text."""
    return element("p", plain(content), class_=kind) if content else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int = 1, words: Collection[int] = ()) -> str:
    """A table of cells that are markup already; columns from ``numbers_from`` on are numbers, except those of ``words``."""
    body = []
    for row in rows:
        cells = [
            _cell("th" if index == 0 else "td", content, index >= numbers_from and index not in words)
            for index, content in enumerate(row)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        return ""
    titles = "".join(
        _cell("th", plain(name), index >= numbers_from and index not in words, scope="col") for index, name in enumerate(header)
    )
    top = f"<thead><tr>{titles}</tr></thead>" if any(header) else ""
    return f"<table>{top}<tbody>{''.join(body)}</tbody></table>"


def facts_table(facts: Mapping[str, str]) -> str:
    """Names and values, both plain text."""
    return table(("", ""), [(plain(name), plain(value)) for name, value in facts.items()], numbers_from=9)


def figure(svg: str, caption: str = "", anchor: str | None = None) -> str:
    """A chart or picture with a plain caption; ``anchor`` is what links to it name."""
    said = element("figcaption", plain(caption)) if caption else ""
    return f"<figure{f' id={chr(34)}{plain(anchor)}{chr(34)}' if anchor else ''}>{inline(svg)}{said}</figure>"


def figures(parts: Iterable[str], kind: str) -> str:
    """Figures beside each other: ``charts`` in their own size, ``pictures`` three in a row."""
    inside = "".join(parts)
    return f'<div class="{"figures charts" if kind == "charts" else kind}">{inside}</div>' if inside else ""


def _cell(name: str, content: str, is_number: bool, scope: str | None = None) -> str:
    row_scope = scope or ("row" if name == "th" else None)
    attributes = (f' scope="{row_scope}"' if row_scope else "") + (' class="number"' if is_number else "")
    return f"<{name}{attributes}>{content}</{name}>"

"""Building HTML so that forgetting to escape is not possible: text is text unless it is made here.

`element` escapes every child and attribute that is not `Markup` already. Characters that do not show, or that
turn the direction of writing, are written out as their code point, so that a name cannot pose as another.
"""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.engine.report.words import duration_words

# General categories of characters that must be seen to be believed: control, format, surrogate, private.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_LONG = 150  # characters from which a fact gets a line of its own
_VOID = frozenset({"meta", "link", "br", "hr"})


class Markup(str):
    """Text that is HTML already. Joining it with plain strings gives a plain string, which is escaped."""

    __slots__ = ()


def visible(text: str) -> str:
    """*text* with every character that would not show as its code point; line breaks become spaces."""
    if text.isprintable():
        return text
    return "".join(
        " " if one in "\n\r\t" else f"[U+{ord(one):04X}]" if unicodedata.category(one) in _UNSEEN else one
        for one in text
    )


def escaped(value: Any) -> Markup:
    """Any value as text that is safe between tags and in quoted attributes."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(visible(value if isinstance(value, str) else str(value))))


def element(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """`<name …>children</name>`.

    Args:
        name: of the element.
        children: Markup as it is, everything else escaped; None is left out.
        attributes: `class_` and `for_` lose the underscore, other underscores become hyphens; None and
            False are left out, True is written without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[Any]) -> Markup:
    """The children one after the other, each escaped unless it is Markup."""
    return Markup("".join(escaped(child) for child in children if child is not None))


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(value)}"'


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, head_column: int = 0
) -> Markup:
    """A table that scrolls by itself when it is too wide; on a phone each row becomes a card.

    Args:
        caption: what it shows.
        headings: of its columns.
        rows: of its cells; in each, the cell of *head_column* names the row.
        head_column: number of that column, from 0.
    """
    body = [
        element(
            "tr",
            *(
                element("th", cell, scope="row")
                if number == head_column
                else element("td", cell, data_label=headings[number])
                for number, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    grid = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *(element("th", text, scope="col") for text in headings))),
        element("tbody", *body),
    )
    return element("div", grid, class_="scroll", role="region", aria_label=caption, tabindex="0")


def facts(pairs: Iterable[tuple[str, Any]]) -> Markup | None:
    """A list of terms and what is known of them; unknown ones (None or "") are left out."""
    known = [
        element(
            "div",
            element("dt", term),
            element("dd", value),
            class_="long" if len(str(value)) > _LONG else None,
        )
        for term, value in pairs
        if value is not None and value != ""
    ]
    return element("dl", *known, class_="facts") if known else None


def bullets(items: Iterable[Any]) -> Markup | None:
    """An unordered list; None without items."""
    written = [element("li", item) for item in items]
    return element("ul", *written) if written else None


def span_of_time(seconds: float | None) -> Markup:
    """A duration that is not broken over two lines."""
    return element("span", duration_words(seconds), class_="num")


def code(value: Any) -> Markup:
    """Something to be read letter by letter: a key, a hash, a command, a quotation."""
    return element("code", value)


def quoted_json(value: Any) -> Markup:
    """A value as compact JSON, for settings and values from before."""
    return code(json.dumps(value, ensure_ascii=False, sort_keys=True))


def moment(iso_time: str | None, zone: str = " UTC") -> Markup:
    """A time of ours (`2026-11-22T13:26:24.785Z`) for people and machines; a dash for none.

    Args:
        iso_time: as the report's tree has it.
        zone: what stands for the `Z`; nothing in columns whose heading names the zone.
    """
    if not iso_time:
        return escaped("-")
    text = iso_time.replace("T", " ").replace("Z", zone)
    return element("time", text, datetime=iso_time)

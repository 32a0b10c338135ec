"""HTML made of elements, so that a text can only get in escaped."""

from __future__ import annotations

import html

_VOID = frozenset({"meta", "link", "input", "br"})
Attribute = str | int | bool | None


class Html(str):
    """Markup that is finished; any other text is escaped when it becomes a child."""

    __slots__ = ()


Child = str | None


def element(tag: str, *children: Child, **attributes: Attribute) -> Html:
    """One element.

    Args:
        tag: its name.
        children: texts, which are escaped, and Html, which is not; None is left out.
        attributes: a trailing underscore is dropped (`class_`), others become hyphens (`aria_label`); True
            stands bare, False and None are left out.
    """
    opened = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in _VOID:
        return Html(opened)
    return Html(f"{opened}{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """Children one after the other."""
    return Html(
        "".join(child if isinstance(child, Html) else html.escape(child) for child in children if child)
    )


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'

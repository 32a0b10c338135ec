"""Sentences people read, as data: what a fault means, what a page of Setup is called, what to do next.

They change with Salesforce's releases and with whoever knows better; what decides how a run behaves does not
lie here. Every document is a YAML file of this package:

    <section>:
      <key>:
        <field>: the text
        versions:                  # optional; what a release of Salesforce changed
          - since: 66.0            # API version = release: 66.0 is Spring '26
            <field>: the text from that release on

A file of the user's own is laid over all of them (`lay_over`): document, key, field; no sections. Documents
are read when the first of their texts is asked for, so that nobody who needs none pays for them.

This room stands beneath the error tree, whose faults take their words from here; hence its own exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.texts.invalid import Finding, TextsInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.texts.reading import Document, Entry

__all__ = ["Finding", "TextsInvalid", "document", "lay_over", "lines", "text"]

_overlay: Mapping[str, Mapping[str, Entry]] = MappingProxyType({})


@cache
def document(name: str) -> Document:
    """The shipped document *name*, a key of `shapes.SHAPES`.

    Raises:
        KeyError: there is no such document.
        TextsInvalid: the file is not of its shape.
    """
    # Reader, YAML and resources: some ms that whoever needs no sentence does not pay.
    from importlib.resources import files  # noqa: PLC0415 - see above

    from orchestrator.texts.reading import read_document  # noqa: PLC0415 - see above
    from orchestrator.texts.shapes import SHAPES  # noqa: PLC0415 - see above

    file = f"{name}.yaml"
    return read_document(files(__name__).joinpath(file).read_text("utf-8"), file, SHAPES[name])


def text(name: str, key: str, field: str, release: float | None = None) -> str:
    """The text of one field: the user's own before ours, the newest for *release*.

    Args:
        name: of the document.
        key: of the entry.
        field: of the entry; one with a single text.
        release: API version of the org, such as 66.0; None for the newest text.

    Raises:
        KeyError: the document has no such text.
    """
    return "\n".join(lines(name, key, field, release))


def lines(name: str, key: str, field: str, release: float | None = None) -> tuple[str, ...]:
    """The same for a field that is a list of texts."""
    own = _overlay.get(name, {}).get(key)
    found = own.pick(field, release) if own is not None else None
    if found is None:
        found = document(name).entries[key].pick(field, release)
    if found is None:
        raise KeyError(f"{name}: {key}: {field}")
    return found


def lay_over(file: Path | None) -> None:
    """Let the texts of *file* stand before the shipped ones, for this process; None takes them away again.

    Raises:
        TextsInvalid: the file names a document, key or field that does not exist, or is no such file at all.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    global _overlay  # noqa: PLW0603 - the words of a process, as its locale is
    _overlay = MappingProxyType({})
    if file is not None:
        from orchestrator.texts.reading import read_overlay  # noqa: PLC0415 - only for who has such a file
        from orchestrator.texts.shapes import SHAPES  # noqa: PLC0415 - likewise

        _overlay = read_overlay(file.read_text("utf-8-sig"), str(file), SHAPES, document)

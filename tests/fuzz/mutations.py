"""What Hypothesis makes of a corpus: bytes cut, doubled and filled up, trees with a node of another kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from .law import Target

_MOST_CHANGES = 5
_MOST_BYTES = 4096  # Hypothesis wants to be able to show what it found
_HOSTILE_TEXTS = ("", "\x00", "\ud800", "\u202e", "9" * 400, "-1", "1e999", "//evil.example", "../..", "<b>")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 2**63, 10**400, 1e308, 0.5])
    | st.sampled_from(_HOSTILE_TEXTS)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn, target: Target) -> bytes:
    """A seed after a few changes."""
    seeds = target.seeds()
    out = bytearray(draw(st.sampled_from(seeds))[:_MOST_BYTES])
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        start = draw(st.integers(0, len(out)))
        end = min(start + draw(st.integers(0, 40)), len(out))
        match draw(st.integers(0, 5)):
            case 0:
                out[start:end] = b""
            case 1:
                out[start:start] = out[start:end] * draw(st.integers(1, 50))
            case 2:
                out[start:end] = draw(st.binary(max_size=8))
            case 3:
                out[start:start] = draw(st.sampled_from(target.words or (b"\x00",)))
            case 4:
                other = draw(st.sampled_from(seeds))
                out[start:] = other[draw(st.integers(0, len(other))) :]
            case _:
                out[start:end] = bytes(byte ^ draw(st.integers(1, 255)) for byte in out[start:end][:3])
    return bytes(out[:_MOST_BYTES])


@st.composite
def json_with_another_node(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A JSON answer of the corpus in which one value is of another kind, missing, or there twice."""
    head, _, body = draw(st.sampled_from(seeds)).rpartition(b"\r\n\r\n")
    tree = json.loads(body)
    places = list(_places(tree))
    if not places:
        return head + b"\r\n\r\n" + json.dumps(draw(JSON)).encode()
    node, key = draw(st.sampled_from(places))
    if draw(st.booleans()):
        node[key] = draw(JSON)
    else:
        del node[key]
    return (head + b"\r\n\r\n" if head else b"") + json.dumps(tree).encode("utf-8", "surrogatepass")


def json_seeds(target: Target) -> list[bytes]:
    """Those of the corpus whose body is a JSON document."""
    found = []
    for seed in target.seeds():
        try:
            json.loads(seed.rpartition(b"\r\n\r\n")[2])
        except (ValueError, RecursionError):
            continue
        found.append(seed)
    return found


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


@st.composite
def xml_with_another_node(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A SOAP answer of the corpus with one element missing, renamed, doubled, nested or filled otherwise."""
    head, _, body = draw(st.sampled_from(seeds)).partition(b"\r\n\r\n")
    root = etree.fromstring(body)
    nodes = list(root.iter(etree.Element))[2:] or [root]
    node = draw(st.sampled_from(nodes))
    parent = node.getparent()
    match draw(st.integers(0, 5)):
        case 0 if parent is not None:
            parent.remove(node)
        case 1:
            node.tag = f"{{{draw(st.sampled_from(['', 'urn:x']))}}}{etree.QName(node).localname}".replace(
                "{}", ""
            )
        case 2 if parent is not None:
            parent.append(etree.fromstring(etree.tostring(node)))
        case 3:
            node.append(etree.Element(draw(st.sampled_from(["a", "result", "{urn:x}b"]))))
        case 4:
            node.set("{http://www.w3.org/2001/XMLSchema-instance}nil", draw(st.sampled_from(["true", "x"])))
        case _:
            texts = st.sampled_from(["", "-1", "9" * 400, "1e999", "NaN", "0000-00-00T00:00:00Z", "true "])
            node.text = draw(
                texts | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), max_size=8)
            )
    return head + b"\r\n\r\n" + etree.tostring(root)


def xml_seeds(target: Target) -> list[bytes]:
    """Those of the corpus whose body is an XML document without a DOCTYPE."""
    found = []
    for seed in target.seeds():
        body = seed.partition(b"\r\n\r\n")[2]
        if body.startswith(b"<?xml") and b"<!DOCTYPE" not in body:
            try:
                etree.fromstring(body)
            except etree.XMLSyntaxError:
                continue
            found.append(seed)
    return found

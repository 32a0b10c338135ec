"""Small inputs that would grow: packed, nested, repeated and endless answers, and what they may cost."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import yaml

from orchestrator.errors import OrgFault, OrgsFileError, PlaybookError, UsageError
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.fleet.orgs import read_orgs
from orchestrator.fleet.selection import select
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.inputs import read_value
from orchestrator.playbook.model import Parameter
from orchestrator.redaction import Secret
from orchestrator.salesforce import soap
from orchestrator.salesforce.connect_to import parse_connect_to
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.rest import OrgApi
from orchestrator.texts import TextsInvalid, document
from orchestrator.texts.reading import read_overlay
from orchestrator.texts.shapes import SHAPES

from .law import PLANTED
from .wire import ORIGIN, answering, http

MOST_MEMORY_BYTES = 12 * 1024 * 1024
ZEROS = gzip.compress(bytes(48 * 1024 * 1024), mtime=0)
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n + 1, b"&l%d;" % n * 10) for n in range(9))
TOKEN = Secret("00D000000000001!" + "x" * 40)


def memory_of(call: Callable[[], object]) -> int:
    """The most memory *call* held at once, in bytes."""
    tracemalloc.start()
    try:
        call()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def refused(raw: bytes, code: str) -> None:
    with pytest.raises(OrgFault) as fault:
        answering(raw).request("GET", ORIGIN, credentials=False, idempotent=True).json()
    assert fault.value.code == code


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", ZEROS),
        ("gzip, gzip", gzip.compress(ZEROS, mtime=0)),
        ("gzip, gzip, gzip", gzip.compress(gzip.compress(ZEROS, mtime=0), mtime=0)),
        ("deflate", zlib.compress(bytes(48 * 1024 * 1024))),
    ],
)
def test_an_answer_that_unpacks_to_more_than_is_due_is_cut_off_while_it_unpacks(
    coding: str, body: bytes
) -> None:
    raw = http(body, 200, "application/json", f"Content-Encoding: {coding}")
    assert memory_of(lambda: refused(raw, "answer_too_large")) < MOST_MEMORY_BYTES


def test_an_answer_packed_two_hundred_times_is_not_unpacked() -> None:
    codings = ", ".join(["gzip"] * 200)
    refused(http(b"{}", 200, "application/json", f"Content-Encoding: {codings}"), "network_unreachable")


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">' + LAUGHS + b"]><a>&l9;</a>",
        b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>',
        b"<a>" * 100_000,
        b"<a " + b" ".join(b'b%d="c"' % n for n in range(50_000)) + b">",
        b"\xff\xfe" + "<a/>".encode("utf-16-le"),
        b"",
    ],
)
def test_no_entity_of_a_soap_answer_is_expanded_and_no_pit_is_climbed_into(body: bytes) -> None:
    def login() -> None:
        with pytest.raises(OrgFault) as fault:
            soap.get_user_info(answering(http(body, 200, "text/xml")), ORIGIN, TOKEN)
        assert fault.value.code == "not_xml"
        assert "root:" not in str(fault.value)

    assert memory_of(login) < 4 * MOST_MEMORY_BYTES


@pytest.mark.parametrize("depth", [100, 900, 6000, 200_000])
def test_json_nested_deeper_than_an_org_speaks_is_no_json(depth: int) -> None:
    for opened, closed in (("[", "]"), ('{"a":', "}")):
        body = (opened * depth + "1" + closed * depth).encode()
        with pytest.raises(OrgFault) as fault:
            Answer(200, {}, body, ORIGIN).json()
        assert fault.value.code == "not_json"
        with pytest.raises(OrgFault) as fault:
            OrgApi(answering(http(body)), ORIGIN, TOKEN).query("SELECT Id FROM User")
        assert fault.value.code == "not_json"


@pytest.mark.parametrize(
    "body", [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": ' + b"9" * 5000 + b"}", b'"\xff"']
)
def test_what_only_python_takes_for_json_is_no_json(body: bytes) -> None:
    with pytest.raises(OrgFault) as fault:
        Answer(200, {}, body, ORIGIN).json()
    assert fault.value.code == "not_json"


def test_an_answer_in_pages_that_does_not_end_is_refused() -> None:
    page = {"done": False, "records": [{"Id": "1"}], "nextRecordsUrl": "/services/data/v64.0/query/01g-2000"}
    api = OrgApi(answering(http(json.dumps(page).encode())), ORIGIN, TOKEN)
    for query in (api.query, api.query_tooling):
        with pytest.raises(OrgFault) as fault:
            query("SELECT Id FROM User")
        assert fault.value.code == "answer_too_large"


def test_a_row_that_lacks_what_was_asked_for_is_an_answer_that_is_not_understood() -> None:
    api = OrgApi(answering(http(b'{"done": true, "records": [{"Name": "a"}]}')), ORIGIN, TOKEN)
    row = api.query("SELECT Id FROM User")[0]
    with pytest.raises(OrgFault) as fault:
        row["Id"]
    assert fault.value.code == "answer_unknown"


def test_the_password_an_org_puts_into_a_code_is_not_told() -> None:
    password = Secret(PLANTED)
    body = json.dumps([{"errorCode": password.reveal(), "message": "no"}]).encode()
    with pytest.raises(OrgFault) as fault:
        OrgApi(answering(http(body, 400)), ORIGIN, TOKEN).limits()
    assert PLANTED not in str(fault.value)


ALIASES = "a: &a [x]\n" + "".join(
    f"b{n}: &b{n} [{'*a' if not n else f'*b{n - 1}'}, *a, *a]\n" for n in range(40)
)


@pytest.mark.parametrize("text", [ALIASES, "[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 5000])
def test_yaml_that_repeats_or_nests_itself_is_refused_at_once(text: str) -> None:
    def read() -> None:
        with pytest.raises(OrgsFileError):
            read_orgs(text, "orgs.yaml")
        with pytest.raises(PlaybookError):
            compile_playbook(text, "playbook.yaml", {}, ())
        with pytest.raises(TextsInvalid):
            read_overlay(text, "texts.yaml", SHAPES, document)

    assert memory_of(read) < 8 * MOST_MEMORY_BYTES


def test_the_yaml_bomb_is_one() -> None:
    small = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert str(yaml.safe_load(small)["c"]).count("x") == 8


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5000, "\u0669" * 30])
def test_a_number_of_any_length_is_refused_as_any_other_wrong_value(digits: str) -> None:
    with pytest.raises(UsageError):
        parse_connect_to(f"a:{digits}:b:1")
    for kind in ("integer", "duration"):
        with pytest.raises(UsageError):
            read_value("n", Parameter(kind), digits)


@pytest.mark.parametrize(("marks", "left"), [(4999, ["blue"]), (5000, ["acme"])])
def test_thousands_of_negations_are_one_or_none(marks: int, left: list[str]) -> None:
    orgs = [OrgEntry(name, f"https://{name}.my.salesforce.com") for name in ("acme", "blue")]
    # Behind an `&`: at the start of a part the first mark would take away from the others.
    assert [org.name for org in select(orgs, "*&" + "!" * marks + "acme", ())] == left


def test_the_rest_of_an_answer_that_cannot_be_unpacked_is_no_answer_to_the_next_request() -> None:
    """The connection is dropped, though the org would keep it open."""
    head = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    network = answering(head % 200_000 + b"no gzip" + bytes(150_000))
    with pytest.raises(OrgFault):
        network.request("POST", ORIGIN, credentials=False, idempotent=False)
    pools = network._adapter.poolmanager.pools
    idle = [conn for key in pools.keys() for conn in pools[key].pool.queue if conn is not None]  # noqa: SIM118
    assert [conn.sock for conn in idle if conn.sock is not None] == []

"""Targets that are given a text: what a person pastes, types or names on the command line, and documents."""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path
from typing import Any

from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.cli.options import parse_settings
from orchestrator.cli.plan_check import _age
from orchestrator.fleet.limits import too_many_failures
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.fleet.orgs import read_orgs
from orchestrator.fleet.selection import select, waves
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.inputs import read_inputs, read_value
from orchestrator.playbook.model import Parameter
from orchestrator.playbook.references import ReferenceSyntax, parse, render
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import adopt, issue, load_certificate, load_private_key
from orchestrator.salesforce.connect_to import parse_connect_to_list, route
from orchestrator.salesforce.hosts import audiences_for, is_salesforce_host, parse_org_url
from orchestrator.salesforce.key_check import clean_key, clean_secret, read_authorize
from orchestrator.salesforce.service_rights import read_rights
from orchestrator.salesforce.sfdx_url import is_for, parse_sfdx_url
from orchestrator.salesforce.web_flow import begin, read_callback
from orchestrator.store.engine import _url
from orchestrator.texts import TextsInvalid, document
from orchestrator.texts.reading import read_overlay
from orchestrator.texts.shapes import SHAPES
from orchestrator.vault.references import SecretReference, resolve

from .law import PLANTED, Target, each_obeys

_NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
_ACME = parse_org_url("https://acme.my.salesforce.com")
_CALLBACK = "http://localhost:1717/OauthRedirect"
_SPECS = {name: action.spec for name, action in ACTIONS.items()}
_PLAYBOOKS = tuple(sorted((Path(__file__).parents[2] / "playbooks").glob("*.yaml")))
_TYPES = ("string", "integer", "number", "boolean", "duration", "secret", "list", "mapping")


def _typed(given: bytes) -> str:
    """A text as it comes from a command line."""
    return given.decode("utf-8", "surrogateescape")


def _document(given: bytes) -> str | None:
    """The text of a file; None for one that is refused unread because it is not UTF-8."""
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _words(*words: str) -> tuple[bytes, ...]:
    return tuple(word.encode("utf-8", "surrogatepass") for word in words)


_ODD = (
    "\x00",
    "\ud800",
    "\u202e",
    "\ufeff",
    "\x1b[2J",
    "9" * 64,
    "\u0661\u0662",
    "\n",
    "\\n",
    "%00",
    "\U000e0001",
)
_YAML = _words(
    *(
        "&a ",
        "*a",
        "<<: ",
        "!!python/object:os.system ",
        "? ",
        "- " * 40,
        "[" * 64,
        "{a: " * 32,
        "|\n",
        ">\n",
    ),
    *(
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "\t",
        "0x10",
        "1_000",
        "1:30",
        ".nan",
        "yes",
        "env:A",
        "{{ org.a }}",
        *_ODD,
    ),
)


def _org_url(given: bytes) -> None:
    text = _typed(given)
    is_salesforce_host(text)
    for require_org in (False, True):
        host = parse_org_url(text, require_org=require_org)
    audiences_for(host, None)
    # Whatever a person pastes, credentials go to Salesforce or stay on this machine.
    assert host.kind == "loopback" or is_salesforce_host(host.my_domain), host.my_domain


def _connect_to(given: bytes) -> None:
    route(parse_connect_to_list(_typed(given)), "acme.my.salesforce.com", 443)


def _sfdx_url(given: bytes) -> None:
    is_for(parse_sfdx_url(Secret(_typed(given))), _ACME)


def _consumer_key(given: bytes) -> None:
    text = _typed(given)
    read_authorize(302, text, text)
    each_obeys((lambda: clean_key(text), lambda: clean_secret(text, "3MVG9.another.key")))


_AUTHORIZATION = begin(_ACME, "3MVG9key", _CALLBACK, entropy=lambda count: b"s" * count)


def _callback(given: bytes) -> None:
    read_callback(_typed(given), _AUTHORIZATION)


@functools.cache
def _pair() -> Any:
    return issue(
        subject_common_name="fuzz",
        not_before=_NOW,
        not_after=_NOW + dt.timedelta(days=365),
        serial=1,
        key_bits=2048,
    )


def _certificate(given: bytes) -> None:
    text = _typed(given)
    load_certificate(text)
    adopt(_pair().private_key_pem, text, now=_NOW)


def _private_key(given: bytes) -> None:
    load_private_key(Secret(_typed(given)))


def _secret_reference(given: bytes) -> None:
    reference = SecretReference.parse(_typed(given))
    if reference.scheme in {"env", "file"} and not reference.target.startswith(("/", "~/")):
        resolve(reference, environ={"A": PLANTED}, prompt=None, base_dir=Path(__file__).parent / "corpus")


def _entry(name: str, **labels: str) -> OrgEntry:
    return OrgEntry(name=name, url=f"https://{name}.my.salesforce.com", labels=labels)


_ENTRIES = [_entry("acme", wave="canary", region="eu"), _entry("blue-prod", region="us"), _entry("c")]


def _limit(given: bytes) -> None:
    """--limit, --batch and --max-failures, a line each."""
    limit, _, rest = _typed(given).partition("\n")
    batch, _, failures = rest.partition("\n")
    select(_ENTRIES, limit, ())
    waves(_ENTRIES, batch)
    too_many_failures(failures, 1, 2)


def _orgs(given: bytes, fmt: str) -> None:
    text = _document(given)
    if text is not None:
        for entry in read_orgs(text, "orgs", fmt):
            for reference in entry.secrets.values():
                SecretReference.parse(reference)


def _playbook(given: bytes) -> None:
    text = _document(given)
    if text is not None:
        compile_playbook(text, "playbook.yaml", _SPECS, FAULTS)


def _texts(given: bytes) -> None:
    text = _document(given)
    if text is not None:
        try:
            read_overlay(text, "texts.yaml", SHAPES, document)
        except TextsInvalid:  # what `lay_over` raises; app.py says it as a TextsFileError
            return


def _inputs(given: bytes) -> None:
    """--set and --input: KEY=VALUE, of every type an input can have; `--database` and `--plan-max-age`."""
    text = _typed(given)
    specs = {kind: Parameter(kind) for kind in _TYPES}
    each_obeys(
        (
            *(functools.partial(read_value, kind, spec, text) for kind, spec in specs.items()),
            lambda: _age(text),
            lambda: _url(text),
            lambda: read_inputs(specs, parse_settings(tuple(text.split("\n")), "--set")),
        )
    )


def _template(given: bytes) -> None:
    """References inside the texts of a playbook, resolved against what an org said."""
    text = _typed(given)
    try:
        parse(text)
    except ReferenceSyntax:  # a finding of the compiler
        return
    render(text, {"org": {"name": "acme"}, "inputs": {"list": [1, {"a": None}]}, "evidence": {"n": 1.5}})


def _rights(given: bytes) -> None:
    read_rights(_typed(given).split("\n"))


TARGETS = (
    Target(
        "org_url",
        _org_url,
        _words("https://", ".my.salesforce.com", "@", "xn--", ".localhost", "[::1]", *_ODD),
    ),
    Target("connect_to", _connect_to, _words(":443:", "[::1]", "127.0.0.1", "*", ",", *_ODD)),
    Target(
        "sfdx_url",
        _sfdx_url,
        _words("force://", "::", "@acme.my.salesforce.com", ":1", "=", *_ODD),
        told="given",
    ),
    Target("consumer_key", _consumer_key, _words("3MVG9", "?error=", "OAUTH_", "//[", *_ODD), told="given"),
    Target("callback", _callback, _words("state=", "code=", "error=", "&", "%", ";", *_ODD), told="given"),
    Target(
        "certificate", _certificate, _words("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", *_ODD)
    ),
    Target(
        "private_key",
        _private_key,
        _words("-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----END ", *_ODD),
        told="given",
    ),
    Target(
        "secret_reference", _secret_reference, _words("env:", "file:", "file:~a", "exec:", "#", "/", *_ODD)
    ),
    Target("limit", _limit, _words("&", "!", ",", "=", "*", "[", "[!-]", "wave=canary", "10%", *_ODD)),
    Target("orgs_yaml", lambda given: _orgs(given, "yaml"), _YAML),  # names and keys may be told
    Target(
        "orgs_csv", lambda given: _orgs(given, "csv"), _words('"', ";", "\t", "label.", "name,url\n", *_ODD)
    ),
    Target(
        "playbook",
        _playbook,
        _YAML + _words("states:\n", "on: ", "final: succeeded", "requires: ", "wait: "),
        shipped=_PLAYBOOKS,
    ),
    Target("texts", _texts, _YAML + _words("faults:\n", "versions:\n", "- since: 66.0\n", "meaning: ")),
    Target(
        "inputs",
        _inputs,
        _words("=", "{", "[" * 200, "env:", "1e999", "nan", "postgresql://", "sqlite:///", *_ODD),
    ),
    Target(
        "template",
        _template,
        _words("{{ ", " }}", "| default(", "org.", "inputs.list[0]", "evidence.", *_ODD),
    ),
    Target("rights", _rights, _words("read", "edit", "=", ":", ",", *_ODD)),
)

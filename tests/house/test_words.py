"""Names and texts: the field's words, units in numbers, nobody's machine, no secret."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from house_files import PACKAGE, ROOT, here, nodes, python_files, text_files, tree_of, words

_BANNED = {"manager", "handler", "helper", "helpers", "util", "utils", "misc", "info"}
_BANNED_ALONE = {"data", "process"}
# Words of other people: Salesforce's getUserInfo, urllib3's proxy_manager_for.
_OF_OTHERS = {"UserInfo", "get_user_info", "_get_user_info", "proxy_manager_for"}
_NUMBERS = {"int", "float", "int | None", "float | None"}
_NEEDS_UNIT = re.compile(
    r"(?:^|_)(?:timeout|delay|interval|duration|deadline|ttl|lifetime|elapsed|age|budget)$"
)
_SECRETS = (
    re.compile(r"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20,}"),
    re.compile(r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{40,}"),
    re.compile(r"force://[A-Za-z0-9._]+:[^@\s]*:[^@\s]{20,}@"),
    re.compile(r"eyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}"),
)


def test_no_module_class_or_function_is_named_with_a_word_that_says_nothing() -> None:
    named = [
        f"{here(path, node)}: {name}"
        for path in python_files("orchestrator", "tests")
        for name, node in _names(path)
        if name not in _OF_OTHERS and (name.strip("_").lower() in _BANNED_ALONE or words(name) & _BANNED)
    ]
    assert named == []


def _names(path: Path) -> Iterator[tuple[str, ast.AST | None]]:
    """Module, classes and functions; of tests, whose functions are sentences, only module and classes."""
    yield path.stem, None
    for node in nodes(path):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(node, ast.ClassDef) or (is_function and path.is_relative_to(PACKAGE)):
            yield node.name, node


def test_numbers_of_time_carry_their_unit() -> None:
    bare = []
    for path in python_files("orchestrator"):
        for node in nodes(path):
            if isinstance(node, ast.arg) and node.annotation is not None:
                name, annotation = node.arg, node.annotation
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                name, annotation = node.target.id, node.annotation
            else:
                continue
            if ast.unparse(annotation) in _NUMBERS and _NEEDS_UNIT.search(name.lower()):
                bare.append(f"{here(path, node)}: {name}")
    assert bare == []


def test_every_module_of_the_package_says_what_it_is() -> None:
    silent = [here(path) for path in python_files("orchestrator") if not ast.get_docstring(tree_of(path))]
    assert silent == []


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    places = ("/" + "work/", "/" + "root/", "/" + "home/", "C:" + "\\Users")
    spoken = [
        f"{here(path)} mentions {place}"
        for path in text_files()
        for place in places
        if re.search(rf"(?<![\w.}}/]){re.escape(place)}", path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert spoken == []


def test_no_file_talks_about_a_to_do() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    left = [
        here(path)
        for path in text_files()
        if path.is_relative_to(PACKAGE) and marks.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert left == []


def test_fixtures_and_the_package_hold_no_secret() -> None:
    found = [
        here(path)
        for path in text_files()
        if path.is_relative_to(ROOT / "fixtures") or path.is_relative_to(PACKAGE) or path.suffix == ".md"
        for shape in _SECRETS
        if shape.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_passwords_in_orgs_files_of_fixtures_are_references() -> None:
    reference = re.compile(r"[\"']?(?:env|file|keyring|vault|prompt|exec):")
    secret = re.compile(r"^\s+(?:password|security_token|access_token):\s*(\S+)", re.MULTILINE)
    literal = [
        f"{here(path)}: {value}"
        for path in text_files()
        if path.suffix in {".yaml", ".yml"}
        for text in [path.read_text(encoding="utf-8", errors="replace")]
        if re.search(r"^orgs:", text, re.MULTILINE)
        for value in secret.findall(text)
        if not reference.match(value)
    ]
    assert literal == []


def test_files_stay_small_enough_to_hold_in_mind() -> None:
    long = {
        here(path): count
        for path in python_files("orchestrator")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 520
    }
    assert long == {}


def test_the_rules_find_what_they_forbid() -> None:
    assert words("HttpHandler") & _BANNED
    assert words("session_manager") & _BANNED
    assert not words("information_schema") & _BANNED
    assert _NEEDS_UNIT.search("connect_timeout")
    assert not _NEEDS_UNIT.search("connect_timeout_s")
    assert any(shape.search("-----BEGIN PRIVATE KEY-----\n" + "MIIE" * 20) for shape in _SECRETS)

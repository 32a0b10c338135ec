"""What users read when a playbook is wrong: place, code, sentence and remedy, word for word."""

from __future__ import annotations

import pytest
import yaml
from refusal_cases import EDITS, WHOLE, WORDINGS, all_said

from orchestrator.playbook import secret_references
from orchestrator.playbook.diagnostics import SECRET_LITERAL, SECRET_REFERENCE
from orchestrator.playbook.references import ReferenceSyntax, parse


def test_each_wrong_playbook_is_refused_in_the_words_of_the_file():
    wanted = yaml.safe_load(WORDINGS.read_text(encoding="utf-8"))
    assert all_said() == wanted
    assert all(wanted.values()), "a playbook of the file is not wrong at all"


def test_the_file_has_words_for_every_case():
    assert {*EDITS, *WHOLE} <= set(yaml.safe_load(WORDINGS.read_text(encoding="utf-8")))


PATH = "a reference is a dotted path and an optional default"
NAMES = "use lower-case names, `{{ evidence.app.name }}`"
CLOSE = "close the reference with `}}`"


@pytest.mark.parametrize(
    ("text", "at", "problem", "remedy"),
    [
        # `at` is the column of the fault, from 0
        (
            "x {{ orgs.name }}",
            5,
            "'orgs' is not a root of references",
            "start with org., inputs. or evidence.",
        ),
        ("{{ org }}", 6, "'org' alone is not a value", "name one of its fields, `org.…`"),
        ("{{ org[0] }}", 9, "'org' alone is not a value", "name one of its fields, `org.…`"),
        ("{{ org.Name }}", 7, "a name is expected here", NAMES),
        ("{{ org.a__b }}", 7, "names with two underscores are not readable", "name a field of the tree"),
        (
            "{{ org.name | upper }}",
            14,
            "the only filter is `default(…)`",
            'write `| default("text")` or drop the filter',
        ),
        (
            "{{ org.name | default(x) }}",
            22,
            "a literal is expected here",
            'give default() a "text", a number, true, false or null',
        ),
        ("{{ org.name | default(1 2) }}", 24, "`)` is expected here", "close default( with `)`"),
        ("{{ org.name", 0, "`{{` without `}}`", CLOSE),
        ("}} {{ org.name", 3, "`{{` without `}}`", CLOSE),
        ("{{ org.name {{ org.url }} {{ org.web }}", 0, "`{{` without `}}`", CLOSE),
        ("{{ org.name, }} and {{ org.url }}", 11, "`}}` is expected here", PATH),
        (
            "{{ org.name() }}",
            11,
            "references cannot call anything",
            "name a value, `{{ evidence.app.name }}`",
        ),
        (
            "{{ org.name + 1 }}",
            12,
            "references cannot compute",
            "compute in an action, refer to its evidence",
        ),
        ("{{ org.name[x] }}", 11, "a list index is a plain number", "write `[0]`, or `.name` for a field"),
        ("{{ org.name X }}", 12, "`}}` is expected here", PATH),
        ("{{ org.url }}{{ org.name ) }}", 25, "`}}` is expected here", PATH),
    ],
)
def test_a_malformed_reference_is_refused_with_its_place_and_what_to_write(text, at, problem, remedy):
    with pytest.raises(ReferenceSyntax) as refused:
        parse(text)
    assert (refused.value.offset, str(refused.value), refused.value.remedy) == (at, problem, remedy)


KNOWN = "known are env:, file:, keyring:, vault:, prompt:, exec:"
LITERAL = "put the secret into an environment variable and write `key: env:KEY`"


@pytest.mark.parametrize(
    ("text", "code", "problem", "remedy"),
    [
        ("hunter2", SECRET_LITERAL, "'key' holds a secret itself", LITERAL),
        ("env", SECRET_LITERAL, "'key' holds a secret itself", LITERAL),
        ("a:b", SECRET_LITERAL, "'key' holds a secret itself", LITERAL),
        (
            "env:1",
            SECRET_REFERENCE,
            "the `env:` reference in 'key' is malformed",
            "write it like `env:ACME_PASSWORD`",
        ),
        (
            "vault:secret:a",
            SECRET_REFERENCE,
            "the `vault:` reference in 'key' is malformed",
            "write it like `vault:secret/acme#password`",
        ),
        (
            "file:/a\n/b",
            SECRET_REFERENCE,
            "the `file:` reference in 'key' is malformed",
            "write it like `file:/run/secrets/acme_password`",
        ),
        (
            "Fil:/a",
            SECRET_REFERENCE,
            "the reference in 'key' has an unknown scheme",
            f"did you mean `file:`? {KNOWN}",
        ),
        ("op://vault/a", SECRET_REFERENCE, "the reference in 'key' has an unknown scheme", KNOWN),
        ("OP://vault/a", SECRET_REFERENCE, "the reference in 'key' has an unknown scheme", KNOWN),
    ],
)
def test_what_is_no_secret_reference_is_refused_with_what_to_write(text, code, problem, remedy):
    assert secret_references.judge(text, "key", "KEY") == (code, problem, remedy)


@pytest.mark.parametrize(
    "text", ["env:KEY", "file:C:/key.pem", "keyring:a:b/c", "vault:a#b", "prompt:", "exec:a b"]
)
def test_a_secret_reference_is_accepted_with_colons_in_its_rest(text):
    assert secret_references.judge(text, "key", "KEY") is None


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("acme", "password"), "ACME_PASSWORD"),
        (("a-b.c", "key"), "A_B_C_KEY"),
        (("-x-",), "X"),
        (("1a",), "_1A"),
        (("12",), "_12"),
        (("a1",), "A1"),
        (("ACME", "Key"), "ACME_KEY"),
        (("X1",), "X1"),
        (("--",), "SECRET"),
    ],
)
def test_the_name_of_a_variable_is_one_a_shell_accepts(words, name):
    assert secret_references.variable_name(*words) == name

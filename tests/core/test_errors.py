from __future__ import annotations

import pytest

import orchestrator.errors as tree
from orchestrator.catalogue import FAULTS
from orchestrator.errors import (
    Blame,
    Diagnostic,
    Disposition,
    DocumentError,
    OrchestratorError,
    OrgFault,
    UsageError,
)

FINDING = Diagnostic("p.yaml", 3, 7, "PB003", "no such state 'x'", "name a state of this playbook")
EXIT_CODES = {
    "UsageError": 2,
    "DocumentError": 2,
    "PlaybookError": 2,
    "OrgsFileError": 2,
    "SecretUnavailable": 2,
    "TextsFileError": 2,
    "OrgFault": 3,
    "StoreError": 2,
    "RunUnknown": 2,
    "LeaseHeld": 2,
    "LeaseLost": 2,
    "VaultError": 2,
    "Interrupted": 5,
    "Defect": 70,
    "OrchestratorError": 70,
}


def classes():
    found = [each for each in vars(tree).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, OrchestratorError)]


def made(kind):
    if issubclass(kind, DocumentError):
        return kind([FINDING])
    if issubclass(kind, OrgFault):
        return kind(next(iter(FAULTS.values())), "the org said no")
    return kind("what was seen")


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_a_remedy_somebody_to_blame_and_an_exit_code(kind):
    error = made(kind)
    assert error.code
    assert error.code == error.code.lower()
    assert error.remedy
    assert isinstance(error.blame, Blame)
    assert error.exit_status == EXIT_CODES[kind.__name__]
    assert kind.__doc__


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_has_the_json_shape_of_the_contract(kind):
    shape = made(kind).as_json()
    assert list(shape) == ["error"]
    assert list(shape["error"]) == ["code", "blame", "detail", "remedy"]
    assert all(isinstance(value, str) and value for value in shape["error"].values())


def test_no_class_is_missing_from_the_table_of_exit_codes():
    assert {kind.__name__ for kind in classes()} == set(EXIT_CODES)


def test_a_code_given_at_the_raise_wins_for_that_error_only():
    assert UsageError("x", code="special", remedy="do y").code == "special"
    assert UsageError("x").code == "usage"


def test_an_error_reads_as_code_and_detail():
    assert str(UsageError("no such org", code="org_unknown")) == "org_unknown: no such org"


def test_a_document_error_lists_every_finding_in_the_order_of_the_file():
    later = Diagnostic("p.yaml", 9, 1, "PB001", "unknown key", "remove it")
    error = DocumentError([later, FINDING])
    assert error.diagnostics == [FINDING, later]
    assert str(error).index("p.yaml:3:7: PB003") < str(error).index("p.yaml:9:1: PB001")
    assert "remedy: remove it" in str(error)


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.code)
def test_every_fault_of_the_catalogue_says_who_what_and_what_next(kind):
    assert FAULTS[kind.code] is kind
    assert isinstance(kind.blame, Blame)
    assert isinstance(kind.disposition, Disposition)
    assert kind.meaning.endswith(".")
    assert kind.remedy.endswith(".")
    error = OrgFault(kind, "seen", retry_after_s=3.0)
    assert (error.code, error.remedy, error.blame, error.retry_after_s) == (
        kind.code,
        kind.remedy,
        kind.blame,
        3.0,
    )


def test_a_fault_counts_as_sent_unless_somebody_is_certain():
    assert OrgFault(FAULTS["network_unreachable"], "reset").was_sent

"""Every fault code the package names exists, means something, is documented and is tested."""

from __future__ import annotations

import ast
import re

import pytest
from house_files import ROOT, here, nodes, python_files, text_files

from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS, errors_page
from orchestrator.errors import Blame, Disposition

_TAKE_A_CODE = {"org_fault", "Failed", "Again", "fault"}
# Rows for answers and features that no test can reach yet. Whoever adds the test strikes the row; a code that
# is tested after all may not stay here.
NOT_REACHED = {
    "app_survives",
    "credential_absent",
    "credential_refused",
    "jwt_wrong_org",
    "manual_step_open",
    "org_drifted",
    "rights_withdrawn",
    "sso_gateway_refused",
    "sso_permission_absent",
    "step_not_applicable",
    "undo_impossible",
    "undo_not_read_back",
}


def test_every_code_the_package_names_is_in_the_catalogue() -> None:
    unknown = []
    for path in python_files("orchestrator"):
        if "simulator" in path.parts:
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                named = node.func.id in _TAKE_A_CODE and isinstance(first, ast.Constant)
                if named and isinstance(first.value, str) and first.value not in FAULTS:
                    unknown.append(f"{here(path, node)}: {first.value}")
            by_index = isinstance(node, ast.Subscript) and ast.unparse(node.value) == "FAULTS"
            if by_index and isinstance(node.slice, ast.Constant) and node.slice.value not in FAULTS:
                unknown.append(f"{here(path, node)}: {node.slice.value}")
    assert unknown == []


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_fault_an_action_declares_is_in_the_catalogue(name: str) -> None:
    assert set(ACTIONS[name].spec.faults) <= set(FAULTS)


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_code_says_whose_move_it_is_what_it_means_and_what_to_do(code: str) -> None:
    kind = FAULTS[code]
    assert re.fullmatch(r"[a-z]+(?:_[a-z0-9]+)*", code)
    assert kind.blame in Blame
    assert kind.disposition in Disposition
    for sentence in (kind.meaning, kind.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert len(sentence) > 15
    assert kind.source
    # Words that send people in circles.
    assert not re.search(
        r"\b(?:please|something went wrong|unexpected|contact us)\b", kind.remedy, re.IGNORECASE
    )


def test_the_page_of_errors_is_the_catalogue() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").rstrip() == errors_page().rstrip()


def test_every_code_stands_in_a_test_or_in_the_list_of_those_that_cannot_be_reached() -> None:
    own = ROOT / "tests" / "house"
    written = "\n".join(
        path.read_text(encoding="utf-8")
        for path in text_files()
        if (path.is_relative_to(ROOT / "tests") or path.is_relative_to(ROOT / "fixtures"))
        and not path.is_relative_to(own)
    )
    untested = {code for code in FAULTS if not re.search(rf"\b{code}\b", written)}
    assert untested - NOT_REACHED == set()


def test_the_list_of_codes_that_cannot_be_reached_names_codes() -> None:
    assert set(FAULTS) >= NOT_REACHED

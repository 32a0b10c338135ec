"""The catalogue of faults: complete rows, and the page made from it in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.catalogue import FAULTS, errors_page, fault
from orchestrator.errors import Defect

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_each_fault_says_what_it_means_what_to_do_and_where_that_is_known_from(code):
    kind = FAULTS[code]
    assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", code)
    assert kind.code == code
    assert kind.meaning.endswith(".")
    assert kind.remedy.endswith(".")
    assert kind.remedy[0].isupper()
    assert kind.source
    assert "|" not in kind.meaning + kind.remedy + kind.source


def test_the_page_of_errors_is_in_step_with_the_catalogue():
    assert PAGE.read_text(encoding="utf-8") == errors_page()


def test_a_code_that_does_not_exist_is_our_defect():
    with pytest.raises(Defect, match="no fault of code 'nonsense'"):
        fault("nonsense")

"""Which orgs a command means, and in which waves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.fleet.orgs import OrgEntry
from orchestrator.fleet.selection import select, waves

ENTRIES = [
    OrgEntry("acme-prod", "https://a", labels={"wave": "canary", "region": "eu"}),
    OrgEntry("acme-uat", "https://b", labels={"wave": "late", "region": "eu"}),
    OrgEntry("globex-prod", "https://c", labels={"wave": "late", "region": "us"}),
    OrgEntry("initech", "https://d"),
]


def names(limit, *given):
    return [entry.name for entry in select(ENTRIES, limit, list(given))]


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        (None, ["acme-prod", "acme-uat", "globex-prod", "initech"]),
        ("", ["acme-prod", "acme-uat", "globex-prod", "initech"]),
        ("initech", ["initech"]),
        ("initech,acme-prod", ["acme-prod", "initech"]),
        (" initech , acme-prod ", ["acme-prod", "initech"]),
        ("*-prod", ["acme-prod", "globex-prod"]),
        ("acme-?at", ["acme-uat"]),
        ("[ag]*", ["acme-prod", "acme-uat", "globex-prod"]),
        ("wave=canary", ["acme-prod"]),
        ("wave==canary", ["acme-prod"]),
        ("wave=*", ["acme-prod", "acme-uat", "globex-prod"]),
        ("wave=canary,initech", ["acme-prod", "initech"]),
        ("region=eu&wave=late", ["acme-uat"]),
        ("region=eu&!wave=late", ["acme-prod"]),
        ("region=eu & acme-*", ["acme-prod", "acme-uat"]),
        ("!wave=late", ["acme-prod", "initech"]),
        ("wave!=late", ["acme-prod", "initech"]),
        ("!initech", ["acme-prod", "acme-uat", "globex-prod"]),
        ("!initech,!acme-*", ["globex-prod"]),
        ("region=eu,!acme-uat", ["acme-prod"]),
        ("*,&region=eu", ["acme-prod", "acme-uat"]),
        ("*-prod,initech,&wave=late", ["globex-prod"]),
        ("!!initech", ["initech"]),
    ],
)
def test_an_expression_chooses_in_the_order_of_the_file(limit, chosen):
    assert names(limit) == chosen


def test_names_and_expression_must_both_agree():
    assert names(None, "initech", "acme-prod") == ["acme-prod", "initech"]
    assert names("*-prod", "initech", "acme-prod") == ["acme-prod"]


@pytest.mark.parametrize(
    ("limit", "given", "code", "hint"),
    [
        ("initec", [], "org_unknown", "initech"),
        ("!initec", [], "org_unknown", "initech"),
        ("*-prod,nobody", [], "org_unknown", "acme-prod"),
        (None, ["acme-prd"], "org_unknown", "acme-prod"),
        ("wavy=late", [], "label_unknown", "wave"),
        ("*,,initech", [], "limit_invalid", "label=value"),
        ("acme-prod&", [], "limit_invalid", "label=value"),
        ("zzz*", [], "nothing_selected", "labels"),
        ("wave=never", [], "nothing_selected", "labels"),
        ("initech", ["acme-prod"], "nothing_selected", "labels"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(limit, given, code, hint):
    with pytest.raises(UsageError) as refused:
        names(limit, *given)
    assert refused.value.code == code
    assert hint in refused.value.remedy
    assert refused.value.exit_status == 2


def orgs(count):
    return [OrgEntry(f"o{number}", "https://x") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "batch", "sizes"),
    [
        (200, "1,10%,100%", [1, 20, 179]),
        (5, "1,10%,100%", [1, 1, 3]),
        (1, "1,10%,100%", [1]),
        (0, "1,10%,100%", []),
        (7, "3", [3, 3, 1]),
        (10, "25%", [2, 2, 2, 2, 2]),
        (4, "100%", [4]),
        (4, " 1 , 2 ", [1, 2, 1]),
        (3, "50", [3]),
    ],
)
def test_waves_are_cut_like_serial_in_ansible(count, batch, sizes):
    assert [len(wave) for wave in waves(orgs(count), batch)] == sizes


@pytest.mark.parametrize("batch", ["", "0", "0%", "101%", "x", "1,", "-1", "1.5", "10 %"])
def test_a_size_that_is_none_is_refused(batch):
    with pytest.raises(UsageError) as refused:
        waves(orgs(3), batch)
    assert refused.value.code == "batch_invalid"


@given(st.integers(0, 300), st.lists(st.integers(1, 100), min_size=1, max_size=4), st.booleans())
def test_waves_hold_everyone_once_in_order(count, sizes, share):
    entries = orgs(count)
    batch = ",".join(f"{size}{'%' if share else ''}" for size in sizes)
    cut = waves(entries, batch)
    assert [entry for wave in cut for entry in wave] == entries
    assert all(cut)

"""What a service may do: what people write, and the permission set made of it."""

from __future__ import annotations

import pytest

from orchestrator.errors import OrgFault
from orchestrator.salesforce.service_rights import read_rights, service_set


def flags(written: str) -> set[str]:
    fields = service_set("A_Service", "A service", read_rights([written])).fields
    (only,) = fields["objectPermissions"]  # type: ignore[misc]
    assert only["object"] == "Account"
    return {name for name, value in only.items() if value is True}


@pytest.mark.parametrize(
    ("written", "granted"),
    [
        ("Account:read", {"allowRead"}),
        ("Account:create", {"allowRead", "allowCreate"}),
        ("Account:edit+create", {"allowRead", "allowCreate", "allowEdit"}),
        ("Account: delete", {"allowRead", "allowEdit", "allowDelete"}),
        ("Account:view_all", {"allowRead", "viewAllRecords"}),
        (
            "Account:modify_all",
            {"allowRead", "allowEdit", "allowDelete", "viewAllRecords", "modifyAllRecords"},
        ),
    ],
)
def test_a_right_brings_what_it_needs(written: str, granted: set[str]) -> None:
    assert flags(written) == granted


def test_rights_of_one_object_in_two_entries_are_united() -> None:
    rights = read_rights(["Account:read", "Contact:read", "Account:create"])
    assert rights.objects == {"Account": {"read", "create"}, "Contact": {"read"}}


def test_a_user_permission_brings_those_it_needs() -> None:
    assert read_rights(["CustomizeApplication"]).permissions == ("CustomizeApplication", "ViewSetup")


def test_the_set_has_no_licence_and_no_empty_lists() -> None:
    fields = service_set("A_Service", "A service", read_rights(["ViewSetup"])).fields
    assert set(fields) == {"description", "hasActivationRequired", "label", "userPermissions"}


@pytest.mark.parametrize(
    "written", ["", "account read", "Account:", "Account:fly", ":read", "<x>:read", "view"]
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(OrgFault) as refused:
        read_rights([written])
    assert refused.value.code == "permission_invalid"

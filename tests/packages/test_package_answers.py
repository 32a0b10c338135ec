"""What a failed install means, which link leads to which kind of org."""

from __future__ import annotations

import pytest

from orchestrator.errors import UsageError
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.package_install import InstallStatus, check_version_id, install_links, shown


def test_of_several_problems_the_lasting_and_known_one_counts():
    passing, lasting = "This package is not yet available.", "Missing Organization Feature: X"
    said = InstallStatus("0Hf000000000001", "ERROR", (passing, "Something else", lasting))
    assert said.fault().code == "package_requirement_missing"
    assert InstallStatus("0Hf000000000001", "ERROR", (passing,)).fault().code == "package_not_available"
    assert InstallStatus("0Hf000000000001", "ERROR").fault().code == "package_install_failed"


@pytest.mark.parametrize(
    ("url", "login_host"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_the_link_is_for_the_kind_of_org(url, login_host):
    links = install_links(parse_org_url(url), "04t000000000001AAA")
    path = "/packaging/installPackage.apexp?p0=04t000000000001AAA"
    assert links == {"own_host": url + path, "login_host": login_host + path}


@pytest.mark.parametrize(
    "text", ["", "04t", "033000000000001", "04t000000000001&x=1", "04t00000000000AAAAAA"]
)
def test_what_is_no_version_id_gets_into_no_link(text):
    with pytest.raises(UsageError) as refused:
        check_version_id(text)
    assert refused.value.code == "package_id_invalid"


def test_numbers_are_written_as_people_write_them():
    assert (shown((1, 3, 0, 1)), shown((1, 3, 2, 1))) == ("1.3", "1.3.2")

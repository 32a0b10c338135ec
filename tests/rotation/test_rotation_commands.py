"""A schedule as an operator writes it: verify says what ends soon, the rotation takes exactly that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow
# In this profile the integration user holds the rights itself, so nobody has to be asked.
OWN_RIGHTS = "full_license_integration_user"


def test_what_verify_warns_of_the_rotation_renews_and_a_second_one_leaves_alone(
    simulated: Callable[..., Any], command: Callable[..., Any]
):
    orgs = simulated(profile=OWN_RIGHTS, speed=60)
    (name,) = orgs.names()

    def verified() -> dict[str, Any]:
        done = command("verify", *orgs.options, "--json", orgs=orgs)
        assert done.code == 0, done.out + done.err
        return dict(done.json["orgs"][0])

    assert command("run", "hybrid", *orgs.options, "--set", "valid_for=20d", "--json", orgs=orgs).code == 0
    assert verified()["warnings"] == ["certificate_expires_soon"]
    assert [row["org"] for row in command("credentials", "expiring", "--json").json] == [name]

    words = ("run", "rotate-certificate", *orgs.options, "--set", "not_before_days_left=30", "--json")
    rotated = command(*words, orgs=orgs)
    assert rotated.code == 0, rotated.out + rotated.err
    assert verified()["warnings"] == []
    assert command("credentials", "expiring", "--json").json == []
    (row,) = command("credentials", "list", "--json").json
    assert (row["playbook"], row["app"]) == ("rotate-certificate", "Orchestrator_JWT_B")

    mark = len(orgs.operations())
    again = command(*words, orgs=orgs)
    assert again.code == 0
    assert len(orgs.operations()) == mark
    assert "nothing to do" in "".join(line.get("detail") or "" for line in again.lines)


def test_what_verify_proved_is_when_the_credential_was_proven_last(
    simulated: Callable[..., Any], command: Callable[..., Any]
):
    orgs = simulated(profile=OWN_RIGHTS, speed=60)
    command("run", "hybrid", *orgs.options, "--json", orgs=orgs)
    (before,) = command("credentials", "list", "--json").json
    assert command("verify", *orgs.options, "--json", orgs=orgs).code == 0
    (after,) = command("credentials", "list", "--json").json
    assert after["proven_at"] > before["proven_at"]
    assert (after["run"], after["playbook"]) == (before["run"], "hybrid")


@pytest.mark.parametrize("setting", ["mode=both", "retire=never", "not_before_days_left=soon"])
def test_a_setting_that_is_none_is_refused_before_anything_is_asked(
    simulated: Callable[..., Any], command: Callable[..., Any], setting: str
):
    orgs = simulated()
    done = command("run", "rotate-certificate", *orgs.options, "--set", setting, "--json", orgs=orgs)
    assert done.code == 2
    assert orgs.operations() == []

"""What users read about locks: whole plans, judgements of probes and verdicts, word for word."""

from __future__ import annotations

import pytest
import yaml
from lock_plan_cases import CASES, WORDINGS, plan_of

from orchestrator.salesforce.lockdown import (
    Judgement,
    OrgFacts,
    PathVerdict,
    Probe,
    choose,
    judge_probe,
    verdicts,
)

PLANS = yaml.safe_load(WORDINGS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_a_lock_plan_is_the_one_of_the_file_word_for_word(name):
    assert plan_of(name) == PLANS[name]


def test_an_org_of_which_nothing_is_known_is_a_handed_over_one():
    assert choose(OrgFacts()) == choose(OrgFacts(), "handed_over", sso_asked_for=False)


MISSING = "Login History does not show the attempt yet"
LOCKED_OUT = "the user is locked out; the lock ends by itself"
MANY = "many causes give this answer, and none of ours is named"
NEW = ("replace_password",)


@pytest.mark.parametrize(
    ("applied", "fault_code", "status", "judged"),
    [
        (NEW, "", "Success", Judgement("still_works", "", "the login succeeded")),
        (
            (),
            "soap_login_disabled",
            None,
            Judgement("proves", "soap_login_switch", "the org refuses every SOAP login"),
        ),
        (
            NEW,
            "login_invalid",
            " Invalid Password ",
            Judgement(
                "proves",
                "replace_password",
                "Login History names the password as wrong, and it was right before",
            ),
        ),
        (NEW, "login_invalid", None, Judgement("proves_nothing", "replace_password", MISSING)),
        (NEW, "login_invalid", "  ", Judgement("proves_nothing", "replace_password", MISSING)),
        (("freeze_user", *NEW), "login_invalid", "", Judgement("proves_nothing", "freeze_user", MISSING)),
        (NEW, "login_invalid", "Password Lockout", Judgement("proves_nothing", "", LOCKED_OUT)),
        (NEW, "password_locked_out", None, Judgement("proves_nothing", "", LOCKED_OUT)),
        (NEW, "password_locked_out", "Other", Judgement("proves_nothing", "", LOCKED_OUT)),
        (NEW, "login_invalid", "Other", Judgement("proves_nothing", "", MANY)),
        ((), "login_invalid", None, Judgement("proves_nothing", "", MANY)),
        (NEW, "network_timeout", None, Judgement("proves_nothing", "", MANY)),
    ],
)
def test_a_probe_is_judged_in_these_words(applied, fault_code, status, judged):
    assert judge_probe(applied, fault_code, status) == judged


def test_where_each_path_stands_is_said_in_these_words():
    applied = ("block_password_grant", "replace_password", "end_sessions")
    shown = dict.fromkeys(applied, True)
    proof = Probe("password_grant", "login_refused", "Username-Password Flow Disabled", applied)
    off = Probe("soap_login", "soap_login_disabled", None, applied)
    opened = Probe("soap_login", "", "Success", applied)
    unproven = ("closed_unproven", ("replace_password",), "applied and read back, but not proven")
    nothing = ("open", (), "no lock on this path is in force")
    assert verdicts(applied, shown, [proof, off]) == {
        "soap_login": PathVerdict(
            "soap_login", "proven_closed", ("soap_login_switch",), "the org refuses every SOAP login"
        ),
        "password_grant": PathVerdict(
            "password_grant",
            "proven_closed",
            ("block_password_grant",),
            "applied, read back and proven from outside",
        ),
        "ui": PathVerdict("ui", *unproven),
    }
    assert verdicts(applied, shown, [opened]) == {
        "soap_login": PathVerdict("soap_login", "open", (), "the password opened the org on this path"),
        "password_grant": PathVerdict(
            "password_grant",
            "closed_unproven",
            ("block_password_grant",),
            "applied and read back, but not proven",
        ),
        "ui": PathVerdict("ui", *nothing),
    }


def test_a_password_that_works_on_a_path_opens_it_even_when_a_lock_of_the_path_is_in_force():
    applied = ("block_password_grant",)
    opened = Probe("password_grant", "", "Success", applied)
    assert verdicts(applied, {"block_password_grant": True}, [opened])["password_grant"].state == "open"

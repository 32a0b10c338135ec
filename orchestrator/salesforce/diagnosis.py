"""From what was found to one cause. Pure: no network, no clock.

The token endpoint names few causes: `user hasn't approved this consumer` has six. So its answer is read
together with what a session sees in the org; a fact explains an answer only if it would have brought exactly
that answer. One cause comes first; other faults that were found follow as suspicions, as they would strike
next. A fact that nobody could read stays unknown: it neither accuses nor clears.
Sources: the tables of `answers`, help "OAuth 2.0 authorization flow errors", the partner API guide.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.salesforce.diagnosis_causes import cause_of
from orchestrator.salesforce.diagnosis_facts import FACTS, Fact, apart
from orchestrator.salesforce.diagnosis_findings import Confidence, Diagnosis, Findings, Refused, Suspicion

# Clocks further apart than this make every assertion worthless that is made by our clock alone; it lives
# 170 s, and some seconds go by on the way.
ASSERTION_REACH_S = 150.0
EXPIRES_SOON_DAYS = 30
TRIAL_ENDS_SOON_DAYS = 7
_SHORT_ID = 15

# Answers with more than one possible cause; all others name theirs.
_AMBIGUOUS = frozenset(
    {
        "client_id_unknown",
        "app_not_found",
        "user_not_approved",
        "app_not_approved",
        "assertion_invalid",
        "assertion_expired",
        "login_refused",
        "login_invalid",
        "policy_missing",
        "flow_unexpected",
        "answer_unknown",
        "request_malformed",
        "server_trouble",
        "host_unknown",
        "network_timeout",
        "network_unreachable",
        "egress_blocked",
        "not_json",
        "not_xml",
        "session_expired",
        "session_not_valid_for_api",
        "permission_missing",
        "url_not_an_org",
    }
)

# Status of Login History (EventLogFile LOGIN_STATUS) -> cause, where the token endpoint gave no reason.
_STATUSES = {
    "user is frozen": "user_frozen",
    "user is inactive": "user_inactive",
    "restricted ip": "login_ip_restricted",
    "ip address not allowed": "login_ip_restricted",
    "restricted time": "login_hours_restricted",
    "restricted domain": "login_domain_restricted",
    "login rate exceeded": "login_rate",
    "password lockout": "password_locked_out",
    "organization is locked": "org_locked",
    "organization is in maintenance": "org_in_maintenance",
    "oauth api access disabled": "flow_disabled",
    "failed: computer activation required": "identity_challenge",
    "failed: mobile security token required": "identity_challenge",
}


def diagnose(findings: Findings) -> Diagnosis:
    """Exactly one cause first, or none when the org works."""
    main = _main_cause(findings)
    code = main.cause.code if main else ""
    others = [one for one in _side_faults(findings) if one.cause.code != code]
    cleared = [(fact.code, fact.clears(findings)) for fact in FACTS if fact.holds(findings) is False]
    return Diagnosis(main, tuple(others), tuple((name, why) for name, why in cleared if name != code))


def _main_cause(found: Findings) -> Suspicion | None:
    """The first thing on the way from us to a call in the org that is broken."""
    stages = (_unreached, _another_org, _without_credential, _unusable, _not_let_in, _ailing)
    return next((broken for stage in stages if (broken := stage(found)) is not None), None)


def _unusable(found: Findings) -> Suspicion | None:
    """A credential that cannot be what it says."""
    if found.credential_problem is None:
        return None
    code, sentence = found.credential_problem
    return _suspect(code, "certain", sentence)


def _not_let_in(found: Findings) -> Suspicion | None:
    """No token, a token of somebody else, or a token that the API does not take."""
    if found.token is not None:
        return explain(found.token, found)
    if found.token_problem is not None:
        code, sentence = found.token_problem
        return _suspect(code, "certain", sentence)
    return None if found.api_refusal is None else explain(found.api_refusal, found)


def explain(answer: Refused, found: Findings) -> Suspicion:
    """The cause of a refusal: a fact that would bring it, else Login History, else the answer's own."""
    said = f"{answer.where or 'the org'} answered: {answer.said}"
    for fact in FACTS:
        if answer.code in fact.explains and fact.holds(found):
            return _suspect(fact.code, fact.confidence_for(answer.code), said, fact.accuses(found))
    status = (found.login_status or "").strip()
    if answer.code == "login_refused" and status.lower() in _STATUSES:
        return _suspect(_STATUSES[status.lower()], "certain", said, f"Login History says: {status}")
    if answer.code in {"client_id_unknown", "app_not_found"} and found.key_known is False:
        hint = "asked without a login, the login servers do not know our consumer key either"
        return _suspect("app_deleted", "likely", said, hint)
    confidence: Confidence = "likely" if answer.code in _AMBIGUOUS else "certain"
    return _suspect(answer.code, confidence, said, *_hints(answer.code, found))


def _hints(code: str, found: Findings) -> Iterator[str]:
    """What a vague answer leaves open, so that the reader knows what would tell."""
    if found.login_status and code in {"login_refused", "user_not_approved", "app_not_approved"}:
        yield f"Login History says: {found.login_status}"
    if code in {"client_id_unknown", "app_not_found"} and found.key_known:
        yield "asked without a login, the login servers know our consumer key: front ends disagree"
    if code in _AMBIGUOUS and not found.seen_as:
        yield _why_unseen(found)


def _why_unseen(found: Findings) -> str:
    """Why nobody could look into the org."""
    if found.login is not None:
        return f"nobody could look into the org: {found.login.where} was refused too ({found.login.said})"
    if found.login_accepted:
        return "nobody could look into the org: the password's session may not call the API"
    return "nobody could look into the org; with --with-password the bootstrap user looks"


def _unreached(found: Findings) -> Suspicion | None:
    reach = found.reach
    if reach is None:
        return None
    code = "url_not_an_org" if reach.code == "record_missing" else reach.code
    confidence: Confidence = "likely" if code in _AMBIGUOUS else "certain"
    return _suspect(code, confidence, f"{reach.where or 'the host'} answered: {reach.said}")


def _another_org(found: Findings) -> Suspicion | None:
    seen, expected = found.org_id_seen[:_SHORT_ID], found.org_id_expected[:_SHORT_ID]
    if not seen or not expected or seen == expected:
        return None
    evidence = f"{found.host} is org {found.org_id_seen}, expected {found.org_id_expected}"
    # A sandbox gets a new id with every refresh; other orgs keep theirs for life.
    same_place = found.proven_host == found.host
    if found.is_sandbox and same_place:
        return _suspect(
            "sandbox_refreshed", "certain", evidence, f"the credential was proven at {found.host}"
        )
    if found.is_sandbox:
        return _suspect("sandbox_refreshed", "likely", evidence)
    return _suspect("org_id_mismatch", "certain", evidence)


def _without_credential(found: Findings) -> Suspicion | None:
    """Never provisioned, or a vault that is not there: what the password met, or the last run, says why."""
    if found.has_credential:
        return None
    absent = f"the vault holds no credential for {found.org}"
    answer = found.login or found.api_refusal
    if answer is not None:
        why = explain(answer, found)
        return Suspicion(why.cause, why.confidence, (*why.evidence, absent))
    if found.login_accepted:
        return _suspect("credential_missing", "certain", absent, "the password opens the org")
    if found.last_failure is not None:
        said = f"{found.last_failure.where} ended with {found.last_failure.said}"
        return _suspect(found.last_failure.code, "likely", absent, said)
    return _suspect("credential_missing", "certain", absent)


def _ailing(found: Findings) -> Suspicion | None:
    """The credential works; three things are still no good health."""
    if found.clock_offset_s is not None and abs(found.clock_offset_s) > ASSERTION_REACH_S:
        allowance = "a token was to be had only because the assertion was made by Salesforce's clock"
        return _suspect("clock_skewed", "certain", apart(found), allowance)
    if found.days_left is not None and found.days_left < 0:
        return _suspect(
            "certificate_expired",
            "certain",
            f"our certificate ended {-found.days_left} days ago",
            "Salesforce does not look at the end for this flow, so logins still work; ours to enforce",
        )
    if found.is_read_only:
        return _suspect("read_only", "certain", "Organization.IsReadOnly is true; reading works")
    return None


def _side_faults(found: Findings) -> list[Suspicion]:
    """Faults that are there but did not stop us, or not yet; the certain ones first."""
    side = [_of_fact(fact, found) for fact in FACTS if fact.is_fault and fact.holds(found)]
    if found.is_read_only:
        side.append(_suspect("read_only", "certain", "Organization.IsReadOnly is true"))
    if found.days_left is not None and 0 <= found.days_left < EXPIRES_SOON_DAYS:
        side.append(_suspect("certificate_ends_soon", "certain", f"{found.days_left} days are left"))
    if found.trial_days_left is not None and found.trial_days_left < TRIAL_ENDS_SOON_DAYS:
        side.append(_suspect("trial_ends_soon", "certain", f"{found.trial_days_left} days are left"))
    return sorted(side, key=lambda one: one.confidence != "certain")


def _of_fact(fact: Fact, found: Findings) -> Suspicion:
    return _suspect(fact.code, "certain", fact.accuses(found))


def _suspect(code: str, confidence: Confidence, *evidence: str) -> Suspicion:
    return Suspicion(cause_of(code), confidence, tuple(line for line in evidence if line))

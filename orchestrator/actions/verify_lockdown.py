"""Try the old password, read LoginHistory as the integration user, and say what that proves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext
from orchestrator.actions.bootstrap_password import MAX_PASSWORD_ATTEMPTS, password_baseline
from orchestrator.actions.credential import Connection, jwt_connection, login_version, org_host
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.lockdown import Judgement, Probe, judge_probe, verdicts
from orchestrator.salesforce.soap import logout, soap_login

_CLOCKS_DIFFER = dt.timedelta(seconds=90)
_WORKED = "login succeeded"


class VerifyLockdown:
    """One login with the password that should be dead; its answer alone proves little.

    INVALID_LOGIN has many causes, so the row of LoginHistory is awaited and quoted. At most three password
    attempts are made in a run. What could not be proven is said: every path gets one of three verdicts.
    """

    spec = ActionSpec(
        name="verify_lockdown",
        summary="Probe with the old password, quote LoginHistory, give a verdict per password path.",
        outcomes=frozenset({"succeeded", "open"}),
        faults=frozenset({"password_still_works", "login_history_missing"}),
        waits=True,
        evidence=frozenset({"password_probe", "verdicts", "password_attempts"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """The probe is made once; later tries only read LoginHistory."""
        return self._judge(ctx) if "answer" in ctx.notes else None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `password_probe` (when, answer, LoginHistory, meaning), `verdicts` per path."""
        refusal = self._why_no_probe(ctx)
        if refusal is not None:
            return self._conclude(ctx, None, refusal, None)
        self._probe(ctx)
        return self._judge(ctx)

    def _why_no_probe(self, ctx: RunContext) -> str | None:
        plan = ctx.evidence.get("lock_plan")
        if _nothing_was_handed_over(ctx):
            return "no password was handed over, so there is none that has to die"
        if plan is None or not ctx.org.get("username"):
            return "there is no bootstrap user"
        if not (ctx.org.get("secrets") or {}).get("password"):
            return "no password was given, so none can be tried"
        if not plan["may_probe_with_password"]:
            return "the org passes passwords of this user on to its own gateway; it is not shown to it"
        if _attempts(ctx) >= MAX_PASSWORD_ATTEMPTS:
            return f"{_attempts(ctx)} password attempts were made; more could lock the user out"
        return None

    def _probe(self, ctx: RunContext) -> None:
        """One attempt, counted and announced before it is sent."""
        password = ctx.secret("password")
        if password is None:  # the reference was there when the run started
            return
        before = int(ctx.notes.get("probes", 0))
        ctx.effect()
        ctx.note(probes=before + 1, probed_at=iso(ctx.now_s()))
        try:
            session = soap_login(
                ctx.network,
                org_host(ctx),
                str(ctx.org["username"]),
                password,
                ctx.secret("security_token"),
                api_version=login_version(ctx),
            )
        except OrgFault as refused:
            if not refused.was_sent:
                ctx.note(probes=before)
            if refused.kind.disposition is Disposition.BACK_OFF and not refused.code.startswith("sso_"):
                raise
            ctx.note(answer=refused.code, text=refused.detail)
        else:
            logout(ctx.network, session.instance_url, session.session, login_version(ctx))
            ctx.note(answer="", text=_WORKED)

    def _judge(self, ctx: RunContext) -> Outcome:
        answer = str(ctx.notes["answer"])
        row = _login_row(ctx, jwt_connection(ctx))
        status = None if row is None else str(row["Status"])
        locks = [lock["mechanism"] for lock in ctx.evidence.get("lockdown", []) if "undone" not in lock]
        judgement = _with_baseline(ctx, judge_probe(locks, answer, status))
        if judgement.meaning == "proves_nothing" and row is None:
            return Again(
                "login_history_missing",
                "LoginHistory has no row of the probe yet",
                evidence=self._evidence(ctx, judgement, row, locks),
            )
        return self._conclude(ctx, judgement, judgement.why, row)

    def _conclude(
        self, ctx: RunContext, judgement: Judgement | None, why: str, row: dict[str, Any] | None
    ) -> Outcome:
        locks = [lock["mechanism"] for lock in ctx.evidence.get("lockdown", []) if "undone" not in lock]
        evidence: dict[str, Any] = {
            "password_probe": {"when": None, "answer": "not tried", "meaning": why},
            "verdicts": {} if _nothing_was_handed_over(ctx) else _verdicts(locks, []),
        }
        if judgement is not None:
            evidence = self._evidence(ctx, judgement, row, locks)
        plan = ctx.evidence.get("lock_plan") or {}
        closed_by_plan = {"soap_login"} - {path["path"] for path in plan.get("stays_open", [])}
        if judgement is not None and judgement.meaning == "still_works" and closed_by_plan:
            return Failed("password_still_works", "the old password still opens the org", evidence)
        left = sorted(path for path, verdict in evidence["verdicts"].items() if verdict["state"] == "open")
        if left:
            return Done("open", evidence, f"{why}; open: {', '.join(left)}")
        return Done(evidence=evidence, detail=why)

    def _evidence(
        self, ctx: RunContext, judgement: Judgement, row: dict[str, Any] | None, locks: list[str]
    ) -> dict[str, Any]:
        answer = str(ctx.notes["answer"])
        status = None if row is None else str(row["Status"])
        probe = Probe("soap_login", answer, status, tuple(locks))
        return {
            "password_attempts": _attempts(ctx),
            "password_probe": {
                "when": ctx.notes["probed_at"],
                "path": f"SOAP login() v{login_version(ctx)} at {org_host(ctx).my_domain}",
                "answer": answer or _WORKED,
                "text": ctx.notes["text"],
                "login_history": None if row is None else {key: row[key] for key in _QUOTED if key in row},
                "proves": judgement.mechanism or None,
                "meaning": judgement.why,
                "baseline": password_baseline(ctx),
            },
            "verdicts": _verdicts(locks, [] if judgement is _NO_BASELINE else [probe]),
        }


_NO_BASELINE = Judgement(
    "proves_nothing", "", "this password was never seen to work, so its refusal proves no lock"
)


def _with_baseline(ctx: RunContext, judgement: Judgement) -> Judgement:
    """That a password is wrong now shows that it was replaced only when it was right before."""
    if judgement.meaning == "proves" and judgement.mechanism == "replace_password":
        baseline = password_baseline(ctx)
        if baseline is None or baseline["username"].lower() != str(ctx.org["username"]).lower():
            return _NO_BASELINE
    return judgement


def _nothing_was_handed_over(ctx: RunContext) -> bool:
    """Whether the orgs file names nobody whose password it could be, and no earlier run locked one."""
    return not ctx.org.get("username") and ctx.evidence.get("lock_plan") is None


_QUOTED = ("LoginTime", "LoginType", "Status", "SourceIp", "ApiType", "ApiVersion")


def _verdicts(locks: list[str], probes: list[Probe]) -> dict[str, dict[str, Any]]:
    """Every lock in the list was read back when it was applied."""
    judged = verdicts(locks, dict.fromkeys(locks, True), probes)
    return {
        path: {"state": verdict.state, "mechanisms": list(verdict.mechanisms), "why": verdict.why}
        for path, verdict in judged.items()
    }


def _attempts(ctx: RunContext) -> int:
    """Passwords sent in this run: what earlier states counted, and this visit's probes."""
    made = int(ctx.notes.get("probes", 0))
    earlier = int(ctx.evidence.get("password_attempts", 0))
    probed = ctx.evidence.get("password_probe") or {}
    counted = probed.get("when") is not None and probed.get("when") == ctx.notes.get("probed_at")
    return earlier if counted else earlier + made


def _login_row(ctx: RunContext, org: Connection) -> dict[str, Any] | None:
    """The newest LoginHistory row of the probed user since the probe, told apart from our bootstrap login."""
    probed_at = dt.datetime.fromisoformat(str(ctx.notes["probed_at"]))
    since = (probed_at - _CLOCKS_DIFFER).strftime("%Y-%m-%dT%H:%M:%SZ")
    user_id = str(ctx.found("lock_plan")["user_id"])
    worked = ctx.notes["answer"] == ""
    for row in facts.login_rows(org, user_id, since):
        if (str(row["Status"]) == "Success") == worked:
            return dict(row)
    return None

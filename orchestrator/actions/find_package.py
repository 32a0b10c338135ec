"""Look what the org has of the package, by every way in there is, and say what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import (
    BOOTSTRAP_SESSION,
    Connection,
    bootstrap_connection,
    jwt_connection,
    jwt_username,
    mint,
    org_host,
)
from orchestrator.actions.expect_package import BY_ADMIN, BY_RUN, WHO
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.package_install import (
    InstalledVersion,
    installed_packages,
    offered_version,
    shown,
)
from orchestrator.salesforce.setup_links import setup_link

# wanted: this version. other: another one, older or not comparable. unseen: it is there, the version is not
# visible. unknown: nobody we can ask knows.
State = Literal["wanted", "other", "newer", "absent", "unseen", "unknown"]
# What the token endpoint answers while the package is not there, and while it is there and we are not let in.
_NOT_THERE = frozenset({"app_not_found", "app_not_installed", "client_id_unknown"})
_NOT_LET_IN = frozenset(
    {
        "user_not_approved",
        "app_not_approved",
        "policy_missing",
        "app_blocked",
        "app_state_invalid",
        "assertion_invalid",
        "audience_invalid",
        "refresh_token_scope_missing",
        "session_level",
        "flow_disabled",
    }
)
_MAY_NOT_SEE = frozenset({"functionality_missing", "permission_missing", "session_not_valid_for_api"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of the package.

    Attributes:
        state: of the package in this org.
        by: who told: `session`, `credential` or `token endpoint`.
        installed: the version, when it is visible.
        why_not: why it is not visible.
        word: the org's word on installing the version we want (InstallValidationStatus); "" when not told.
    """

    state: State
    by: str
    installed: InstalledVersion | None = None
    why_not: str = ""
    word: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the packages of the org were read, not guessed from the app's answers."""
        return self.by != "token endpoint" and not self.why_not


class FindPackage:
    """Asks with the session of the run while it lives, else with our own key at the token endpoint.

    So a run that waits for an administrator for days needs neither a password nor a session: the answer to
    our assertion changes from "not installed" to "not approved" when the package is there. Connected Apps
    answer the same in both cases; for them only a session tells.
    """

    spec = ActionSpec(
        name="find_package",
        summary="Look which version is installed and whether its app lets us in; changes nothing.",
        outcomes=frozenset({"succeeded", "to_install", "to_approve", "needs_login", "needs_admin"}),
        faults=frozenset(
            {
                "package_newer_installed",
                "package_version_missing",
                "package_beta_refused",
                "package_in_the_way",
                "package_requirement_missing",
                "manual_step_open",
            }
        ),
        parameters={
            "install": Parameter("string", default=BY_RUN, choices=WHO),
            "policies": Parameter("string", default=BY_RUN, choices=WHO),
            "newer_installed": Parameter("string", default="refuse", choices=("refuse", "accept")),
            "ask_for": Parameter(
                "duration", default=20 * 86400.0, description="how long to wait for a person"
            ),
            "answered": Parameter("boolean", default=False, description="a person said that it is done"),
        },
        waits=True,
        evidence=frozenset({"package", "provisioned"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Looking is all it does."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `package` (what is there, who saw it, the question for a person), `provisioned`."""
        answer = "" if _has_session(ctx) else self._ask_app(ctx)
        seen = self._look(ctx, answer)
        if seen.state == "newer" and ctx.parameters["newer_installed"] == "refuse":
            return Failed("package_newer_installed", _described(seen), {"package": _evidence(ctx, seen)})
        return self._next(ctx, seen, answer)

    def _next(self, ctx: RunContext, seen: Sighting, answer: str) -> Outcome:
        """What follows from *seen*; every refusal that is foretold stops here, before anything is sent."""
        session = _has_session(ctx)
        by_run = ctx.parameters["install"] == BY_RUN and "install_refused" not in ctx.evidence
        if by_run and not seen.is_certain:
            if not session and not self._known_from_record(ctx, answer):
                return _done(ctx, seen, "needs_login", "only an administrator's session shows the version")
            by_run = not session  # the session may not even see packages, so it may not install any
        if seen.state in {"absent", "other"}:
            foretold = classify("package", seen.word) if seen.word else None
            if foretold is not None and foretold.code in self.spec.faults:
                evidence = {"package": _evidence(ctx, seen)}
                return Failed(foretold.code, f"the org foretells {seen.word}", evidence)
            return _done(ctx, seen, "to_install" if by_run else "needs_admin", _described(seen))
        if seen.state == "unknown":
            step = "needs_login" if ctx.parameters["answered"] else "needs_admin"
            return _done(ctx, seen, step, "without a session nobody can tell whether it is installed")
        return self._let_in(ctx, seen, answer or self._ask_app(ctx), session=session)

    def _let_in(self, ctx: RunContext, seen: Sighting, answer: str, *, session: bool) -> Outcome:
        """The package is there: is our user let in?"""
        if answer == "works":
            return _done(ctx, seen, "succeeded", f"{_described(seen)}; its app lets us in")
        detail = f"{_described(seen)}; its app answers {answer}"
        if ctx.parameters["policies"] == BY_ADMIN:
            return _done(ctx, seen, "needs_admin", detail)
        return _done(ctx, seen, "to_approve" if session else "needs_login", detail)

    def _look(self, ctx: RunContext, answer: str) -> Sighting:
        """By the run's session, by the credential, or by what the token endpoint answered."""
        if _has_session(ctx):
            try:
                return self._packages(ctx, bootstrap_connection(ctx), "session")
            except OrgFault as refused:
                if refused.code != "session_expired":
                    raise
                ctx.vault.forget(ctx.run_scope, BOOTSTRAP_SESSION)
                answer = self._ask_app(ctx)
        if answer == "works":
            return self._packages(ctx, jwt_connection(ctx), "credential")
        return Sighting(_told_by(ctx, answer), "token endpoint", why_not="only a session shows it")

    def _packages(self, ctx: RunContext, org: Connection, by: str) -> Sighting:
        wanted = ctx.found("package")
        try:
            installed = installed_packages(org.rest)
        except OrgFault as refused:
            if refused.code not in _MAY_NOT_SEE:
                raise
            who = jwt_username(ctx) if by == "credential" else ctx.found("bootstrap")["username"]
            why_not = f"{who} may not see the packages of the org ({refused.code})"
            return Sighting(
                _told_by(ctx, "works" if by == "credential" else self._ask_app(ctx)), by, why_not=why_not
            )
        version_id = str(wanted["version_id"])
        exact = next((one for one in installed if one.version_id[:15] == version_id[:15]), None)
        if exact is not None:
            return Sighting("wanted", by, exact)
        offered = offered_version(org.rest, version_id)
        word = offered[1] if offered else ""
        named = next((one for one in installed if one.namespace.lower() == wanted["namespace"].lower()), None)
        if named is None:
            return Sighting("absent", by, word=word)
        refused_as = (ctx.evidence.get("package_install") or {}).get("answer")
        is_newer = offered[0] < named.number if offered else refused_as == "package_newer_installed"
        return Sighting("newer" if is_newer else "other", by, named, word=word)

    def _ask_app(self, ctx: RunContext) -> str:
        """`works`, or the code with which the token endpoint refuses our assertion."""
        ctx.effect()
        try:
            ctx.tokens["jwt"] = mint(ctx)
        except OrgFault as refused:
            if refused.code in _NOT_THERE | _NOT_LET_IN:
                return refused.code
            raise
        return "works"

    def _known_from_record(self, ctx: RunContext, answer: str) -> bool:
        """An earlier run installed this very version and its app still lets us in: no login is needed."""
        earlier = (ctx.evidence.get("provisioned") or {}).get("package") or {}
        return answer == "works" and earlier.get("version_id") == ctx.found("package")["version_id"]


def _told_by(ctx: RunContext, answer: str) -> State:
    """What the app's own answer says of the package; a Connected App's refusals are the same either way."""
    if answer in _NOT_THERE:
        return "absent"
    is_external = ctx.found("app")["kind"] == "external_client_app"
    return "unseen" if answer == "works" or (is_external and answer != "app_blocked") else "unknown"


def _has_session(ctx: RunContext) -> bool:
    return ctx.vault.get(ctx.run_scope, BOOTSTRAP_SESSION) is not None


def _described(seen: Sighting) -> str:
    if seen.installed is not None:
        word = {"wanted": "installed", "newer": "a newer version is installed"}.get(
            seen.state, "another version is installed"
        )
        return f"{word}: {seen.installed.name} {shown(seen.installed.number)}"
    if seen.state == "absent":
        return "not installed"
    is_there = "installed" if seen.state == "unseen" else "perhaps installed"
    return f"{is_there}, version not visible: {seen.why_not}"


def _done(ctx: RunContext, seen: Sighting, outcome: str, detail: str) -> Outcome:
    package = _evidence(ctx, seen)
    evidence: dict[str, Any] = {"package": package}
    if outcome == "needs_admin":
        since_s = float(package.setdefault("asked_since_s", ctx.now_s()))
        until_s = since_s + float(ctx.parameters["ask_for"]) / ctx.speed
        if ctx.now_s() > until_s:
            return Failed("manual_step_open", f"nobody has done it: {package['question']}", evidence)
        package["question"] += f" Waited for until {iso(until_s)[:16]}Z."
    if outcome == "succeeded":
        earlier: Mapping[str, Any] = ctx.evidence.get("provisioned") or {}
        found = {**(earlier.get("package") or {}), "version_id": ctx.found("package")["version_id"]}
        evidence["provisioned"] = {**earlier, "package": found}
    return Done(outcome, evidence, detail)


def _evidence(ctx: RunContext, seen: Sighting) -> dict[str, Any]:
    installed = seen.installed and {
        "version_id": seen.installed.version_id,
        "number": shown(seen.installed.number),
        "name": seen.installed.name,
    }
    return {
        **ctx.found("package"),
        "state": "already newer" if seen.state == "newer" else seen.state,
        "installed": installed,
        "seen_by": seen.by,
        "not_visible": seen.why_not,
        "question": _question(ctx, seen),
    }


def _question(ctx: RunContext, seen: Sighting) -> str:
    """What a person is asked to do, with the addresses; it can be forwarded to somebody who may."""
    wanted, host = ctx.found("package"), org_host(ctx)
    refused = ctx.evidence.get("install_refused")
    steps = []
    if seen.state not in {"wanted", "newer", "unseen"}:
        verb = "Upgrade" if seen.state == "other" else "Install"
        steps.append(f"{verb} the package at {wanted['links']['own_host']} as an administrator of the org.")
        if refused:
            steps.append(f"({refused['who']} may not install: {refused['detail']})")
    if ctx.parameters["policies"] == BY_ADMIN:
        page = "connected_apps" if ctx.found("app")["kind"] == "connected_app" else "external_client_apps"
        steps.append(
            f"Let {jwt_username(ctx)} use its app {ctx.found('app')['name']} at {setup_link(host, page)}: "
            "Permitted Users 'Admin approved users are pre-authorized', and a permission set that user holds."
        )
    return " ".join([*steps, "Approve when it is done; it is also noticed by itself."])

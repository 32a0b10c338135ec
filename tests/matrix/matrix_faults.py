"""The columns of the matrix: every fault kind of the simulator, as it is scripted and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.faults import change_fact

if TYPE_CHECKING:
    from matrix_stage import Stage

# Requests that change what they name; the only ones on which a row can be locked.
LOOKS = ("query", "tooling_query", "describe", "limits", "user_get", "package_install_request_get")
METADATA_LOOKS = ("read_metadata", "list_metadata", "check_deploy_status")
WAYS_IN = ("soap_login", "token", "authorize", "auth_configuration", "versions", "page")
OF_SESSIONS = ("get_user_info", "logout", "revoke")
READING = frozenset((*LOOKS, *METADATA_LOOKS, *WAYS_IN, *OF_SESSIONS))
STAGES = {
    "deploy": ("run_deploy", "finalize_deploy"),
    "package_install_request_create": ("install_package",),
}
LOGINS = frozenset(WAYS_IN)
OAUTH = frozenset({"token", "revoke"})


def calls(operations: frozenset[str]) -> frozenset[str]:
    """Requests that are answered with a code; the pages of a login are not."""
    return operations - {"authorize", "page"}


def any_request(operations: frozenset[str]) -> frozenset[str]:
    """Every request."""
    return operations


def rows(operations: frozenset[str]) -> frozenset[str]:
    """Requests that write records, and the stages of work they begin."""
    written = {name for name in operations if name not in READING and name not in STAGES}
    return frozenset(written | {stage for name in operations for stage in STAGES.get(name, ())})


def installs(operations: frozenset[str]) -> frozenset[str]:
    """The stage of a package install."""
    return frozenset({"install_package"} if "package_install_request_create" in operations else ())


def with_session(operations: frozenset[str]) -> frozenset[str]:
    """Requests that carry a session."""
    return operations - LOGINS


@dataclass(frozen=True)
class Column:
    """One fault.

    Attributes:
        name: heading of the column.
        kind: fault kind of the simulator.
        arguments: of the kind.
        oauth: what the token endpoint says instead, for kinds that carry a code.
        hits: which of the requests of a state can meet it.
        off: for kinds that change a fact of the org: how it ends.
        about: one sentence for the legend.
        undocumented: whether Salesforce documents no such answer, so that it must stop the run as unknown.
        lasting: whether it is no trouble that passes by itself.
    """

    name: str
    kind: str
    about: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    oauth: Mapping[str, Any] | None = None
    hits: Callable[[frozenset[str]], frozenset[str]] = any_request
    off: Callable[[Stage], None] | None = None
    undocumented: bool = False
    lasting: bool = False

    def script(self, stage: Stage, operation: str = "*", times: int = 0) -> None:
        """Let it happen."""
        if self.off is not None:
            change_fact(stage.sim, stage.org, self.kind, dict(self.arguments))
            return
        document = {"kind": self.kind, "operation": operation, "times": times, **self.arguments}
        if operation != "*":
            oauth = self.oauth if operation in OAUTH else None
            stage.sim.faults.add({**document, **(oauth or {})})
            return
        stage.sim.faults.add(document)
        for name in OAUTH if self.oauth else ():  # the last one scripted says what is answered
            stage.sim.faults.add({**document, "operation": name, **(self.oauth or {})})

    def end(self, stage: Stage) -> None:
        """Let it be over."""
        stage.sim.faults.clear()
        if self.off is not None:
            self.off(stage)


def _off(kind: str, value: float) -> Callable[[Stage], None]:
    def end(stage: Stage) -> None:
        change_fact(stage.sim, stage.org, kind, {"value": value})

    return end


def _settings_follow(stage: Stage) -> None:
    stage.org.switches.settings_keep_old_value.clear()


def _moved_back(stage: Stage) -> None:
    if stage.org.my_domain_host != stage.seed.my_domain_host:
        stage.sim.move_org(stage.org, stage.seed.my_domain_host)
    stage.org.switches.moved_to_host = ""


COLUMNS = (
    Column("503", "status", "a page with HTTP status 503", {"status": 503}),
    Column(
        "429",
        "status",
        "a page with HTTP status 429 that asks for 20 s",
        {"status": 429, "retry_after_s": 20},
    ),
    Column(
        "cut before", "reset", "the connection is cut before the request is worked on", {"when": "before"}
    ),
    Column(
        "cut after",
        "reset",
        "it is cut after the request was worked on: the answer is lost",
        {"when": "after"},
    ),
    Column("slow", "slow", "no answer for ten minutes", {"delay_s": 600}),
    Column(
        "trouble",
        "error",
        "`UNKNOWN_EXCEPTION`, at the token endpoint `server_error`",
        {"code": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred.", "status": 500},
        {"code": "server_error", "message": "something failed", "status": 500},
        hits=calls,
    ),
    Column(
        "limit",
        "error",
        "`REQUEST_LIMIT_EXCEEDED`, at the token endpoint `login rate exceeded`",
        {"code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded.", "status": 403},
        {"code": "invalid_grant", "message": "login rate exceeded", "status": 400},
        hits=calls,
    ),
    Column(
        "unheard",
        "error",
        "a code no document of Salesforce knows",
        {"code": "NEVER_HEARD_OF", "message": "something new", "status": 400},
        {"code": "never_heard_of", "message": "something new", "status": 400},
        hits=calls,
        undocumented=True,
    ),
    Column("row lock", "row_lock", "another transaction holds the record or component", hits=rows),
    Column(
        "package late", "package_unavailable", "the package version has not reached the org", hits=installs
    ),
    Column("session over", "expire_session", "the session of the request is over", hits=with_session),
    Column(
        "clock +1 h", "skew_s", "the org's clock is an hour ahead", {"value": 3600}, off=_off("skew_s", 0.0)
    ),
    Column(
        "maintenance", "maintenance", "the org is down", {"value": True}, off=_off("maintenance", value=False)
    ),
    Column(
        "read only",
        "read_only",
        "every write is refused",
        {"value": True},
        off=_off("read_only", value=False),
    ),
    Column(
        "settings stay",
        "settings_keep_old_value",
        "a write to the OAuth settings reports success and changes nothing",
        {"value": "OauthOidcSettings"},
        off=_settings_follow,
        lasting=True,
    ),
    Column(
        "moved",
        "moved_my_domain",
        "another My Domain; the old host redirects",
        {},
        off=_moved_back,
        lasting=True,
    ),
    Column(
        "moved away",
        "moved_my_domain",
        "another My Domain; the old host is gone",
        {"redirects": False},
        off=_moved_back,
        lasting=True,
    ),
    Column(
        "history late",
        "login_history_delay",
        "Login History shows its rows two hours later",
        {"value": 7200},
        off=_off("login_history_delay", 0.0),
        lasting=True,
    ),
)

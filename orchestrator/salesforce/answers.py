"""What an answer of Salesforce means: (surface, code, message) → a row of the fault catalogue.

Pure. The tables are in `answer_rows_login`, `answer_rows_api` and `answer_rows_package`; within a table the
first row that matches wins, so the rows with a message come before those without. What no row matches is
`answer_unknown`, which stops the run: an unknown answer is never retried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from orchestrator.catalogue import fault
from orchestrator.errors import Defect, Disposition, FaultKind
from orchestrator.salesforce.answer_row import AnswerRow, Surface
from orchestrator.salesforce.answer_rows_api import DEPLOY_ROWS, NETWORK_ROWS, REST_ROWS, SOAP_ROWS
from orchestrator.salesforce.answer_rows_login import SOAP_LOGIN_ROWS, TOKEN_ROWS
from orchestrator.salesforce.answer_rows_package import PACKAGE_ROWS

TABLES: Mapping[Surface, tuple[AnswerRow, ...]] = MappingProxyType(
    {
        "token": TOKEN_ROWS,
        "soap_login": SOAP_LOGIN_ROWS,
        "soap": SOAP_ROWS,
        "deploy": DEPLOY_ROWS,
        "rest": REST_ROWS,
        "package": PACKAGE_ROWS,
        "network": NETWORK_ROWS,
    }
)

# How long after a change of app or certificate an answer may still come from before it; vendors say 2-10 min.
PROPAGATION_WINDOW_S = 900.0
# How long a grant of a permission set may take to be seen: the row is written at once, caches follow.
GRANT_WINDOW_S = 300.0

_APP_MAY_BE_FRESH = frozenset({"client_id_unknown", "app_not_found", "user_not_approved", "policy_missing"})


def matching_row(surface: Surface, code: str, message: str) -> AnswerRow | None:
    """The first row of the surface's table that matches, or None."""
    if surface not in TABLES:
        raise Defect(f"no table of answers for the surface {surface!r}")
    # SOAP puts a namespace prefix before a code: sf:INVALID_LOGIN.
    plain_code = code.strip().rpartition(":")[2].upper()
    plain_message = normalise(message)
    for row in TABLES[surface]:
        if row.code_pattern.fullmatch(plain_code) and row.message_pattern.search(plain_message):
            return row
    return None


def classify(surface: Surface, code: str, message: str = "") -> FaultKind:
    """What the answer means; `answer_unknown` when no row matches.

    Args:
        surface: where the answer came from.
        code: OAuth `error`, SOAP exceptionCode or faultcode, REST errorCode, deploy status or component
            problem type; on `network` an HTTP status ("503") or the name of a transport exception.
        message: error_description, faultstring, message or problem text, as it came.
    """
    row = matching_row(surface, code, message)
    return fault("answer_unknown" if row is None else row.fault_code)


def classify_token(
    code: str,
    message: str = "",
    *,
    app_age_s: float | None = None,
    certificate_age_s: float | None = None,
    switched_on_age_s: float | None = None,
    window_s: float = PROPAGATION_WINDOW_S,
) -> FaultKind:
    """The same for the token endpoint, where the age of app and certificate decide about waiting.

    "invalid assertion" is normal while nodes still hold the certificate of before, and final later; the
    answers of an app that is not there yet are normal while it is fresh, and final later.

    Args:
        code: OAuth `error`.
        message: `error_description`.
        app_age_s: seconds since the app, its policies or its grants were written; None when unknown, which
            leaves the answer of the catalogue.
        certificate_age_s: seconds since the app's certificate changed; None when unknown or long ago.
        switched_on_age_s: seconds since we switched the app on; None when we did not: a block is meant.
        window_s: how long the playbook lets a fresh app propagate.
    """
    kind = classify("token", code, message)
    if kind.code == "assertion_invalid":
        return _while_fresh(kind, certificate_age_s, PROPAGATION_WINDOW_S)
    if kind.code == "app_blocked":
        return _while_fresh(kind, switched_on_age_s, PROPAGATION_WINDOW_S)
    if app_age_s is not None and kind.code in _APP_MAY_BE_FRESH:
        return _while_fresh(kind, app_age_s, window_s)
    if app_age_s is not None and kind.code == "app_not_approved":
        return _while_fresh(kind, app_age_s, min(window_s, GRANT_WINDOW_S))
    return kind


def _while_fresh(kind: FaultKind, age_s: float | None, limit_s: float) -> FaultKind:
    fresh = age_s is not None and age_s < limit_s
    return replace(kind, disposition=Disposition.WAIT if fresh else Disposition.STOP)


def normalise(message: str) -> str:
    """Lower case, straight apostrophes and quotes, single spaces: the form the rows are written in."""
    straight = message.translate({0x2018: "'", 0x2019: "'", 0x02BC: "'", 0x201C: '"', 0x201D: '"', 0xA0: " "})
    return re.sub(r"\s+", " ", straight).strip().lower()

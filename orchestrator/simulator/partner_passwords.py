"""Passwords over the partner API: set another's, reset, change one's own."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.simulator import soap, user_rules
from orchestrator.simulator.catalogue import random_token
from orchestrator.simulator.http import Response
from orchestrator.simulator.partner_records import fault_of
from orchestrator.simulator.refusals import RecordRefused, refuse_in_read_only
from orchestrator.simulator.soap_call import Call


def _change_own_password(call: Call) -> Response:
    old, new = (_exact_text(call, name) for name in ("oldPassword", "newPassword"))
    try:
        _check_old_password(call, old)
        _replace_expired(call, new)
    except RecordRefused as refused:
        raise fault_of(refused) from None
    return call.answer(("result", []))


def _check_old_password(call: Call, given: str) -> None:
    refuse_in_read_only(call.org)
    if not call.user.password_matches(given):
        raise RecordRefused("INVALID_OLD_PASSWORD", "invalid old password")


def _exact_text(call: Call, name: str) -> str:
    element = soap.first(call.envelope.body, name)
    return "" if element is None else str(element.xpath("string()"))


def _set_password(call: Call) -> Response:
    """Set a password; an expired-password session may set its own, nobody else may."""
    password = _exact_text(call, "password")
    try:
        user = user_rules.find_user(call.org, call.text("userId"))
        if call.session.password_expired and user is call.user:
            _replace_expired(call, password)
        else:
            user_rules.set_password(call.sim, call.org, call.user, user, password)
    except RecordRefused as refused:
        raise fault_of(refused) from None
    return call.answer(("result", []))


def _replace_expired(call: Call, password: str) -> None:
    refuse_in_read_only(call.org)
    user_rules.check_new_password(call.org, call.user, password)
    call.user.set_password(password, call.sim.wall_s(call.org), new_token=random_token(call.org.rng))
    call.session.password_expired = False


def _reset_password(call: Call) -> Response:
    try:
        user = user_rules.find_user(call.org, call.text("userId"))
        temporary = user_rules.reset_password(call.sim, call.org, call.user, user)
    except RecordRefused as refused:
        raise fault_of(refused) from None
    return call.answer(("result", [("password", temporary)]))


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "setPassword": _set_password,
    "resetPassword": _reset_password,
    "changeOwnPassword": _change_own_password,
}

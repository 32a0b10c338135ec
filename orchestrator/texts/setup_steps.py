"""The steps of a guided set-up for one kind of org, from `setup_steps.yaml`.

What a step says is a text and may be corrected by the user's own file (`texts.lay_over`); for which orgs it
is shown stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator import texts

_DOCUMENT = "setup_steps"
# In the order in which they are offered.
APP_KINDS = ("external_client_app", "connected_app")
VALUES = ("app_label", "app_name", "callback_url", "certificate")


@dataclass(frozen=True, slots=True)
class Step:
    """One step, or one remark.

    Attributes:
        key: of the entry.
        title: a few words.
        lines: what to do, in order.
        page: key of a page of Setup, "" for none.
        values: names of what is to be pasted, of VALUES.
    """

    key: str
    title: str
    lines: tuple[str, ...]
    page: str = ""
    values: tuple[str, ...] = ()


def steps(app_kind: str, org_kind: str, release: float | None) -> tuple[Step, ...]:
    """What to do to make an app of that kind.

    Args:
        app_kind: one of APP_KINDS.
        org_kind: kind of org, as its host says.
        release: API version of the org; None when it is not known.
    """
    return _entries(app_kind, org_kind, release)


def remarks(org_kind: str, release: float | None) -> tuple[Step, ...]:
    """What is good to know in such an org, whatever the app."""
    return _entries("", org_kind, release)


def app_kinds(org_kind: str, release: float | None) -> tuple[str, ...]:
    """The kinds of app that can be made in such an org, the better first."""
    return tuple(kind for kind in APP_KINDS if steps(kind, org_kind, release))


def _entries(app_kind: str, org_kind: str, release: float | None) -> tuple[Step, ...]:
    keys = texts.document(_DOCUMENT).entries
    return tuple(_step(key, release) for key in keys if _is_for(key, app_kind, org_kind, release))


def _is_for(key: str, app_kind: str, org_kind: str, release: float | None) -> bool:
    kinds = _all(key, "kinds", release)
    since, until = _one(key, "since", release), _one(key, "until", release)
    return (
        _one(key, "app", release) == app_kind
        and (not kinds or org_kind in kinds)
        and (release is None or not since or float(since) <= release)
        and (release is None or not until or release <= float(until))
    )


def _step(key: str, release: float | None) -> Step:
    return Step(
        key=key,
        title=_one(key, "title", release),
        lines=_all(key, "do", release),
        page=_one(key, "page", release),
        values=_all(key, "values", release),
    )


def _all(key: str, field: str, release: float | None) -> tuple[str, ...]:
    try:
        return texts.lines(_DOCUMENT, key, field, release)
    except KeyError:
        return ()


def _one(key: str, field: str, release: float | None) -> str:
    return "".join(_all(key, field, release)[:1])

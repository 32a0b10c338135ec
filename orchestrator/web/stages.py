"""One set-up, page by page: what is shown while it stands at each stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.web.app_page import app_page
from orchestrator.web.frame import button_form, document, field, post, problem_box
from orchestrator.web.markup import Html, element, joined
from orchestrator.web.view import Problem, SetupView, Stage

_REFRESH_S = 2
_PARTS = ("Org", "App and key", "Login", "Proof")
_PART_OF: Mapping[Stage, int] = {
    "looking": 0,
    "app": 1,
    "checking": 1,
    "secret": 1,
    "sign_in": 2,
    "proving": 3,
    "certificate": 3,
    "done": len(_PARTS),
    "over": len(_PARTS),
}
_TITLES: Mapping[Stage, str] = {
    "looking": "Looking at the org",
    "app": "Make the app, bring back its key",
    "checking": "Checking the key",
    "secret": "The app asks for its secret",
    "sign_in": "Log in once",
    "proving": "Trying it",
    "certificate": "The login works, the certificate does not yet",
    "done": "Connected",
    "over": "This set-up has ended",
}
_WORKING: frozenset[Stage] = frozenset({"looking", "checking", "proving"})
_ENDED: frozenset[Stage] = frozenset({"done", "over"})


def stage_page(root: str, view: SetupView, problem: Problem | None, typed_key: str) -> Html:
    """The page of a set-up at its stage.

    Args:
        root: path every address begins with.
        view: the set-up.
        problem: what did not work last.
        typed_key: what stands in the key field.
    """
    base = f"{root}/{view.run}"
    is_working = view.stage in _WORKING
    about = [view.kind.replace("_", " "), *([f"API {view.release}"] if view.release else [])]
    heading = "Not yet" if is_working else "Why" if view.stage == "over" else "This did not work yet"
    return document(
        f"{_TITLES[view.stage]}: {view.org}",
        root,
        element("p", f"{view.my_domain} ({', '.join(about)})", class_="quiet"),
        element("h1", _TITLES[view.stage]),
        problem_box(problem, heading=heading),
        *[element("p", note, class_="quiet") for note in view.notes],
        app_page(base, view, problem, typed_key) if view.stage == "app" else _BODIES[view.stage](base, view),
        _give_up(base) if view.stage not in _ENDED else None,
        refresh_s=_REFRESH_S if is_working else 0,
        before=_progress(view.stage),
    )


def _progress(stage: Stage) -> Html:
    at = _PART_OF[stage]
    rows = []
    for number, part in enumerate(_PARTS):
        is_done = number < at and stage != "over"
        word = "done" if is_done else "now" if number == at else "not yet"
        rows.append(
            element(
                "li",
                part,
                element("span", f" ({word})", class_="unseen"),
                class_=word.replace(" ", "-"),
                aria_current="step" if number == at else None,
            )
        )
    return element("nav", element("ol", *rows), aria_label="Progress", class_="progress")


def _looking(_base: str, _view: SetupView) -> Html:
    return element(
        "p", "Asking the org's public endpoints what it is. This page reloads by itself.", class_="working"
    )


def _secret(base: str, _view: SetupView) -> Html:
    return joined(
        post(
            f"{base}/secret",
            field(
                "consumer_secret",
                "Consumer secret",
                hint_text="It stands below the consumer key. It goes into this machine's vault only.",
                type_="password",
                required=True,
                autofocus=True,
            ),
            element("button", "Check again", type_="submit"),
        ),
        button_form(f"{base}/reject", "Change the app or the key instead", quiet=True),
    )


def _sign_in(base: str, view: SetupView) -> Html:
    return joined(
        element(
            "p",
            "The org knows the key. One login shows that everything fits together, and tells "
            "whose access it is: ",
            element("strong", "log in as the user the service shall work as"),
            ", then allow the access. The browser comes back here by itself.",
            class_="lead",
        ),
        element(
            "p",
            element(
                "a", f"Log in at {view.my_domain}", href=view.authorize_url, class_="button", rel="noreferrer"
            ),
        ),
        element(
            "p",
            "If Salesforce shows an error instead of a login, come back here; the reason is "
            "found then. Another "
            "browser on this machine works too: copy the address of the button.",
            class_="quiet",
        ),
        button_form(f"{base}/reject", "Back to the app and its key", quiet=True),
    )


def _proving(_base: str, _view: SetupView) -> Html:
    return element(
        "p",
        "The login has come back. The credential is tried now, twice with a pause, because the front ends of "
        "Salesforce do not all learn of a new app at once. This page reloads by itself; it may take minutes.",
        class_="working",
    )


def _certificate(base: str, _view: SetupView) -> Html:
    return joined(
        element(
            "p",
            "You are logged in, but logging in by certificate is refused. If the certificate is "
            "missing in the app, "
            "upload it now; if it is there, some more minutes may help.",
        ),
        element(
            "p",
            element(
                "a", "Save the certificate as a file", href=f"{base}/certificate.crt", class_="button plain"
            ),
        ),
        button_form(f"{base}/approve", "Try again"),
        button_form(f"{base}/reject", "Go on without certificate", quiet=True),
    )


def _done(base: str, view: SetupView) -> Html:
    return joined(
        element("p", "The credential works and lies in the vault of this machine.", class_="lead success"),
        _facts(view),
        _commands(view),
        _close(base),
    )


def _over(base: str, view: SetupView) -> Html:
    return joined(
        element(
            "p", "What was made in the org is still there. You can begin again at any time.", class_="lead"
        ),
        _facts(view),
        element("p", element("a", "Begin again", href=f"{base.rpartition('/')[0]}/", class_="button")),
        _close(base),
    )


def _facts(view: SetupView) -> Html | None:
    if not view.facts:
        return None
    rows = [joined(element("dt", label), element("dd", text)) for label, text in view.facts]
    return element("dl", *rows)


def _commands(view: SetupView) -> Html | None:
    if not view.commands:
        return None
    rows = [element("li", element("code", command)) for command in view.commands]
    return element(
        "section",
        element("h2", "Next, in a terminal", id_="next"),
        element("ul", *rows, class_="commands"),
        aria_labelledby="next",
    )


def _close(base: str) -> Html:
    return button_form(f"{base.rpartition('/')[0]}/close", "Close this page for good", quiet=True)


def _give_up(base: str) -> Html:
    return element(
        "footer",
        element(
            "p",
            "You can close the browser; nothing is lost. ",
            element("code", "orchestrator setup"),
            " goes on here.",
            class_="quiet",
        ),
        element(
            "details",
            element("summary", "Give this set-up up"),
            element("p", "It ends here; what was made in the org stays there."),
            button_form(f"{base}/give-up", "Give up", quiet=True),
        ),
    )


_BODIES: Mapping[Stage, Callable[[str, SetupView], Html]] = {
    "looking": _looking,
    "checking": _looking,
    "secret": _secret,
    "sign_in": _sign_in,
    "proving": _proving,
    "certificate": _certificate,
    "done": _done,
    "over": _over,
}

"""The pages of the guided set-up. Every one is read and used without a script."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.web.frame import SHELL, document, field, hint, post, problem_box
from orchestrator.web.markup import Html, element, joined
from orchestrator.web.stages import stage_page
from orchestrator.web.view import Problem, SetupLine, SetupView, Stage

_STAGE_WORDS: dict[Stage, str] = {
    "looking": "looking at the org",
    "app": "waiting for the app and its key",
    "checking": "checking the key",
    "secret": "waiting for the consumer secret",
    "sign_in": "waiting for a login",
    "proving": "trying the credential",
    "certificate": "waiting for a decision about the certificate",
    "done": "finished",
    "over": "ended",
}


def start(
    root: str, begun: Sequence[SetupLine], problem: Problem | None = None, *, typed_url: str = ""
) -> Html:
    """Where it begins: one field for the org's address, and the set-ups under way."""
    return document(
        "Connect a Salesforce org",
        root,
        element("h1", "Connect a Salesforce org"),
        element(
            "p",
            "You make one app in the org's Setup; this page says exactly where and with which "
            "values, checks the "
            "key you bring back, and ends with a credential that works. You can close it at any "
            "time and go on "
            "later.",
            class_="lead",
        ),
        problem_box(problem),
        _url_form(root, problem, typed_url),
        _under_way(root, begun),
    )


def setup(root: str, view: SetupView, problem: Problem | None = None, *, typed_key: str = "") -> Html:
    """One set-up as it stands.

    Args:
        root: path every address begins with.
        view: the set-up.
        problem: what was wrong with the form just sent; else that of the run is shown.
        typed_key: what stood in the key field then.
    """
    return stage_page(root, view, problem or view.problem, typed_key)


def trouble(root: str, problem: Problem) -> Html:
    """Something that could not be answered; without *root* it names no address of the page."""
    back = element("p", element("a", "Back to the start", href=f"{root}/", class_="button")) if root else None
    return document("That did not work", root, element("h1", "That did not work"), problem_box(problem), back)


def closed() -> Html:
    """After the page was closed for good."""
    return document(
        "Closed",
        SHELL,
        element("h1", "Closed"),
        element("p", "The page is no longer served. Nothing is lost: orchestrator setup opens it again."),
    )


def _url_form(root: str, problem: Problem | None, typed_url: str) -> Html:
    return post(
        f"{root}/begin",
        field(
            "url",
            "Address of your org",
            hint_text="Any address you see in the browser while you are in the org will do, such as "
            "https://acme.lightning.force.com/lightning/page/home.",
            value=typed_url,
            is_wrong=problem is not None,
            type_="text",
            inputmode="url",
            autocomplete="url",
            required=True,
            autofocus=True,
        ),
        element(
            "details",
            element("summary", "Use a certificate of my own"),
            hint(
                "own",
                "Leave both empty and a key and a certificate are made here. The key stays in the vault.",
            ),
            field("certificate", "Certificate (PEM)", rows=5),
            field("private_key", "Its private key (PEM, without passphrase)", rows=5),
        ),
        element("button", "Continue", type_="submit"),
    )


def _under_way(root: str, begun: Sequence[SetupLine]) -> Html | None:
    if not begun:
        return None
    rows = [
        element(
            "li",
            element("a", one.org, href=f"{root}/{one.run}"),
            element("span", f" {one.my_domain}, {_STAGE_WORDS[one.stage]}", class_="quiet"),
        )
        for one in begun
    ]
    return element(
        "section",
        element("h2", "Under way", id_="under-way"),
        element("ul", joined(*rows)),
        aria_labelledby="under-way",
    )

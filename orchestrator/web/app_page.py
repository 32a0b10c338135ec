"""The page on which the app is made: steps, values to paste, something to forward, and the key form."""

from __future__ import annotations

from urllib.parse import quote

from orchestrator.web.frame import button_form, external, field, post
from orchestrator.web.letter import CERTIFICATE_FILE, LETTER_FILE, TEXT_FILE, mail
from orchestrator.web.markup import Html, element, joined
from orchestrator.web.view import Problem, SetupView, StepView, Value

APP_NAMES = {"external_client_app": "External Client App", "connected_app": "Connected App"}


def app_page(base: str, view: SetupView, problem: Problem | None, typed_key: str) -> Html:
    """Body of the page.

    Args:
        base: path of the set-up.
        view: the set-up.
        problem: what was wrong with the key, if anything.
        typed_key: what stands in the key field.
    """
    steps = [_step(base, number, step) for number, step in enumerate(view.steps, 1)]
    key_form = _key_form(base, view, problem, typed_key)
    was_here = problem is not None or bool(view.consumer_key)  # then the key comes first, the steps are known
    return joined(
        element(
            "p",
            f"The app is of the kind {APP_NAMES[view.app_kind]} and lives in your org. Work "
            "through the steps in a "
            "second tab, then ",
            element("a", "bring the key back", href="#key"),
            ".",
            class_="lead",
        ),
        key_form if was_here else None,
        _section("steps", "In Setup", element("ol", *steps, class_="steps")),
        _remarks(view),
        _forward(base, view),
        None if was_here else key_form,
        _other_kinds(base, view),
    )


def _section(name: str, heading: str, *parts: Html | None) -> Html:
    return element("section", element("h2", heading, id_=name), *parts, aria_labelledby=name)


def _step(base: str, number: int, step: StepView) -> Html:
    return element(
        "li",
        element("h3", f"{number}. {step.title}"),
        external(step.link, step.link_label) if step.link else None,
        element("ul", *[element("li", line) for line in step.lines]),
        *[_value(base, value) for value in step.values],
    )


def _value(base: str, value: Value) -> Html:
    """A text to paste: a read-only field, to be selected by keyboard, and a copy button where scripts run."""
    name = f"value-{value.name}"
    box = (
        element("textarea", value.text, id_=name, readonly=True, rows=4, spellcheck="false")
        if "\n" in value.text
        else element("input", id_=name, type_="text", value=value.text, readonly=True, spellcheck="false")
    )
    copy = element(
        "button",
        "Copy",
        element("span", f" {value.label}", class_="unseen"),
        type_="button",
        class_="plain",
        hidden=True,
        data_copy=name,
    )
    saved = None
    if value.name == "certificate":
        saved = element("a", "Save as a file", href=f"{base}/{CERTIFICATE_FILE}", class_="button plain")
    return element(
        "div",
        element("label", value.label, for_=name),
        element("div", box, copy, saved, class_="copy"),
        class_="field",
    )


def _remarks(view: SetupView) -> Html:
    lines = [element("li", line) for remark in view.remarks for line in remark.lines]
    return _section("remarks", "Good to know", element("ul", *lines))


def _forward(base: str, view: SetupView) -> Html:
    subject, body = mail(view)
    address = f"mailto:?subject={quote(subject)}&body={quote(body)}"
    return _section(
        "forward",
        "You are not the administrator?",
        element(
            "p",
            "Send these steps to whoever is. The file holds everything of this page, works by "
            "itself and contains "
            "no secret; what comes back is the consumer key.",
        ),
        element(
            "p",
            element("a", "Save as a page", href=f"{base}/{LETTER_FILE}", class_="button plain"),
            Html(" "),
            element("a", "Save as text", href=f"{base}/{TEXT_FILE}", class_="button plain"),
            Html(" "),
            element("a", "Write a mail", href=address, class_="button plain"),
        ),
    )


def _key_form(base: str, view: SetupView, problem: Problem | None, typed_key: str) -> Html:
    form = post(
        f"{base}/key",
        field(
            "consumer_key",
            "Consumer key",
            hint_text="It is checked at once, without a login. It is no secret.",
            value=typed_key or view.consumer_key,
            is_wrong=problem is not None,
            type_="text",
            required=True,
        ),
        element(
            "fieldset",
            element("legend", "Did you upload the certificate?"),
            _choice("yes", "Yes: the service logs in by certificate, without a password", is_chosen=True),
            _choice("no", "No: the service keeps a refresh token of my login", is_chosen=False),
        ),
        element(
            "details",
            element("summary", "The app asks for a consumer secret"),
            field(
                "consumer_secret",
                "Consumer secret",
                hint_text="Only if you left Require secret ticked. It goes into this machine's vault only.",
                type_="password",
            ),
        ),
        element("button", "Check again" if view.consumer_key else "Check the key", type_="submit"),
    )
    return _section("key", "Back here: the key", form)


def _choice(value: str, label: str, *, is_chosen: bool) -> Html:
    name = f"certificate-{value}"
    box = element(
        "input", type_="radio", name="certificate_uploaded", value=value, id_=name, checked=is_chosen
    )
    return element("div", box, element("label", label, for_=name), class_="choice")


def _other_kinds(base: str, view: SetupView) -> Html | None:
    others = [kind for kind in view.app_kinds if kind != view.app_kind]
    if not others:
        return None
    buttons = [
        button_form(f"{base}/other-app", f"Steps for: {APP_NAMES[kind]}", quiet=True, app_kind=kind)
        for kind in others
    ]
    return _section("other", "Your Setup looks different?", *buttons)

"""The steps to send to an administrator: a page that stands alone, a text, a mail. No secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.web.markup import Html, element, joined
from orchestrator.web.view import SetupView, StepView, Value

CERTIFICATE_FILE = "certificate.crt"
LETTER_FILE = "steps.html"
TEXT_FILE = "steps.txt"
_STYLE = Html(
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;"
    "background:#fff}pre{background:#f2f4f7;padding:.6rem;overflow:auto;white-space:pre-wrap;"
    "overflow-wrap:anywhere}a{color:#0b57d0}"
)
_ASK = (
    "When the app is made, send back its Consumer Key. It is no secret. Never send a Consumer "
    "Secret, a password or "
    "a private key by mail."
)


def mail(view: SetupView) -> tuple[str, str]:
    """Subject and text of a mail that goes with the file: short, for addresses of mails are cut."""
    body = (
        f"Hello,\n\nour service needs an app in the Salesforce org {view.my_domain}. The file I "
        "attach says step by "
        f"step what to do in Setup; it takes about ten minutes.\n\n{_ASK}\n"
    )
    return _title(view), body


def as_text(view: SetupView) -> str:
    """Everything as plain text."""
    lines = [_title(view), "", f"Org: https://{view.my_domain}", ""]
    for number, step in enumerate(view.steps, 1):
        lines.append(f"{number}. {step.title}")
        lines += [f"   Page: {step.link_label}, {step.link}"] if step.link else []
        lines += [f"   - {line}" for line in step.lines]
        lines += [_pasted(value) for value in step.values]
        lines.append("")
    lines += [f"* {line}" for line in _lines(view.remarks)]
    return "\n".join([*lines, "", _ASK, ""])


def as_page(view: SetupView) -> str:
    """Everything as a page without a script, a picture or a link to anywhere but the org."""
    steps = [
        element(
            "li",
            element("h2", step.title),
            element("p", element("a", f"Open {step.link_label}", href=step.link, rel="noreferrer"))
            if step.link
            else None,
            element("ul", *[element("li", line) for line in step.lines]),
            *[joined(element("p", value.label), element("pre", value.text)) for value in step.values],
        )
        for step in view.steps
    ]
    body = element(
        "body",
        element("h1", _title(view)),
        element("p", f"Org: {view.my_domain}"),
        element("ol", *steps),
        element("h2", "Good to know"),
        element("ul", *[element("li", line) for line in _lines(view.remarks)]),
        element("p", element("strong", _ASK)),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", _title(view)),
        element("style", _STYLE),
    )
    return joined(Html("<!doctype html>\n"), element("html", head, body, lang="en"), Html("\n"))


def certificate(view: SetupView) -> str:
    """The certificate alone, as Salesforce takes it."""
    return next((f"{v.text}\n" for step in view.steps for v in step.values if v.name == "certificate"), "")


def _title(view: SetupView) -> str:
    return f"An app for {view.org}: steps in Salesforce Setup"


def _lines(steps: tuple[StepView, ...]) -> list[str]:
    return [line for step in steps for line in step.lines]


def _pasted(value: Value) -> str:
    if "\n" in value.text:
        return f"   {value.label}:\n{value.text}"
    return f"   {value.label}: {value.text}"


# File → (media type, how it is made).
FILES: Mapping[str, tuple[str, Callable[[SetupView], str]]] = {
    CERTIFICATE_FILE: ("application/x-x509-ca-cert", certificate),
    LETTER_FILE: ("text/html; charset=utf-8", as_page),
    TEXT_FILE: ("text/plain; charset=utf-8", as_text),
}

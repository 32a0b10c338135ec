"""The frame of every page, and the parts that pages are made of."""

from __future__ import annotations

from orchestrator.web.markup import Attribute, Html, element, joined
from orchestrator.web.view import Problem

# Root of pages that must not name the page's address: they load nothing.
SHELL = ""


def document(
    title: str, root: str, *body: Html | None, refresh_s: int = 0, before: Html | None = None
) -> Html:
    """A whole page.

    Args:
        title: of the window.
        root: path of style and script; without it the page stands alone and plain.
        body: of the landmark `main`.
        refresh_s: load it again after so many seconds; 0 for never.
        before: between the banner and `main`, such as the progress.
    """
    banner = "Guided set-up"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="refresh", content=str(refresh_s)) if refresh_s else None,
        element("title", f"{title} - {banner}"),
        element("link", rel="icon", href="data:,"),
        element("link", rel="stylesheet", href=f"{root}/page.css") if root else None,
        element("script", src=f"{root}/page.js", defer=True) if root else None,
    )
    header = element(
        "header",
        element("a", banner, href=f"{root}/", class_="brand")
        if root
        else element("span", banner, class_="brand"),
        element("span", "on this machine only", class_="quiet"),
    )
    page = element(
        "body",
        element("a", "Skip to the content", href="#main", class_="skip"),
        header,
        before,
        element("main", *body, id_="main", tabindex="-1"),
        element("p", id_="said", role="status", class_="said"),
    )
    return joined(Html("<!doctype html>\n"), element("html", head, page, lang="en"), Html("\n"))


def problem_box(problem: Problem | None, *, heading: str = "This did not work yet") -> Html | None:
    """What went wrong, what it means and what to do; announced by screen readers."""
    if problem is None:
        return None
    return element(
        "div",
        element("h2", heading),
        element("p", problem.meaning),
        element("p", element("strong", "What to do: "), problem.remedy),
        external(problem.link, problem.link_label) if problem.link else None,
        element(
            "p",
            f"Code {problem.code}" + (f". Seen: {problem.seen}" if problem.seen else ""),
            class_="quiet",
        ),
        class_="problem",
        role="alert",
        id_="problem",
    )


def external(link: str, label: str) -> Html:
    """A link into the org, in a tab of its own so that this page stays."""
    return element(
        "p",
        element(
            "a",
            f"Open {label}",
            element("span", " (new tab)", class_="quiet"),
            href=link,
            target="_blank",
            rel="noopener noreferrer",
            class_="outward",
        ),
    )


def hint(name: str, text: str) -> Html:
    """Help for a field, tied to it by id."""
    return element("p", text, id_=f"{name}-hint", class_="hint")


def field(
    name: str,
    label: str,
    *,
    hint_text: str = "",
    value: str = "",
    rows: int = 0,
    is_wrong: bool = False,
    **attributes: Attribute,
) -> Html:
    """A labelled field, with its help; of several lines when *rows* is given."""
    described = " ".join([*([f"{name}-hint"] if hint_text else []), *(["problem"] if is_wrong else [])])
    common: dict[str, Attribute] = {
        "id_": name,
        "name": name,
        "aria_describedby": described or None,
        "aria_invalid": "true" if is_wrong else None,
        "spellcheck": "false",
        "autocapitalize": "none",
        **attributes,
    }
    box = (
        element("textarea", value, rows=rows, **common)
        if rows
        else element("input", value=value or None, **{"autocomplete": "off", **common})
    )
    return element(
        "div",
        element("label", label, for_=name),
        hint(name, hint_text) if hint_text else None,
        box,
        class_="field",
    )


def post(action: str, *parts: Html | None, **attributes: Attribute) -> Html:
    """A form that posts to the page itself."""
    return element("form", *parts, method="post", action=action, **attributes)


def button_form(action: str, label: str, *, quiet: bool = False, **hidden: str) -> Html:
    """A form that is nothing but a button."""
    fields = [element("input", type_="hidden", name=name, value=value) for name, value in hidden.items()]
    button = element("button", label, type_="submit", class_="plain" if quiet else None)
    return post(action, *fields, button, class_="inline")

"""What the guided page answers: routes, forms, and the words for what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from urllib.parse import parse_qs

from orchestrator.errors import Defect, OrchestratorError, UsageError
from orchestrator.redaction import Secret, redact
from orchestrator.web import letter, pages
from orchestrator.web.guard import Refusal, Visit, refusal
from orchestrator.web.markup import Html
from orchestrator.web.view import Desk, Problem, problem_of

_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML = "text/html; charset=utf-8"
_RUN_PATH = 3  # "", token, run
_ACTION_PATH = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; security headers included."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Site:
    """Answers visits.

    Args:
        desk: has the runs.
        port: where the page is served.
        token: that every address begins with.
        callback_path: where logins come back to.
        on_close: called when a person closes the page for good.
    """

    def __init__(
        self, desk: Desk, *, port: int, token: str, callback_path: str, on_close: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._port = port
        self._token = token
        self._callback_path = callback_path
        self._on_close = on_close

    @property
    def root(self) -> str:
        """Path every address of the page begins with."""
        return f"/{self._token}"

    def answer(self, visit: Visit) -> Reply:
        """The answer to *visit*; never raises for what a visitor can send."""
        refused = refusal(visit, self._port, self._token, self._callback_path)
        if refused is not None:
            return _refused(refused)
        try:
            if visit.path == self._callback_path:
                return self._callback(visit.query)
            return self._post(visit) if visit.method == "POST" else self._get(visit.path.split("/"))
        except OrchestratorError as error:
            return _page(HTTPStatus.BAD_REQUEST, pages.trouble(self.root, problem_of(error)))
        except Exception as error:  # noqa: BLE001 - a visitor is always answered, and never with a traceback
            problem = problem_of(Defect(type(error).__name__))
            return _page(HTTPStatus.INTERNAL_SERVER_ERROR, pages.trouble(self.root, problem))

    def _callback(self, query: str) -> Reply:
        try:
            run = self._desk.callback(query)
        except OrchestratorError as error:  # a stranger's visit must not learn the token from this page
            return _page(HTTPStatus.BAD_REQUEST, pages.trouble("", problem_of(error)))
        # The app knows only localhost, which may lead to ::1 and another program there; the page has the
        # address that is ours alone.
        return _see_other(f"http://127.0.0.1:{self._port}{self.root}/{run}")

    def _get(self, path: list[str]) -> Reply:
        name = path[2] if len(path) >= _RUN_PATH else ""
        if len(path) == _RUN_PATH and name in _ASSETS:
            return _reply(HTTPStatus.OK, _ASSETS[name], _asset(name))
        if name == "":
            return _page(HTTPStatus.OK, pages.start(self.root, self._desk.setups()))
        view = self._desk.view(name)
        if len(path) == _RUN_PATH:
            return _page(HTTPStatus.OK, pages.setup(self.root, view))
        if len(path) == _ACTION_PATH and path[3] in letter.FILES:
            kind, render = letter.FILES[path[3]]
            attached = {"Content-Disposition": f'attachment; filename="{view.org}-{path[3]}"'}
            return _reply(HTTPStatus.OK, kind, render(view).encode(), **attached)
        return _not_found(self.root)

    def _post(self, visit: Visit) -> Reply:
        path = visit.path.split("/")
        form = _Form(visit.body)
        if path[2:] == ["begin"]:
            return self._begin(form)
        if path[2:] == ["close"]:
            self._on_close()
            return _page(HTTPStatus.OK, pages.closed())
        action = _ACTIONS.get(path[3]) if len(path) == _ACTION_PATH else None
        if action is None:
            return _not_found(self.root)
        run = path[2]
        try:
            run = action(self._desk, run, form) or run
        except OrchestratorError as error:
            if error.code == "not_waiting":  # a second click, or somebody answered in a terminal meanwhile
                return _see_other(f"{self.root}/{run}")
            page = pages.setup(
                self.root, self._desk.view(run), problem_of(error), typed_key=form.shown("consumer_key")
            )
            return _page(HTTPStatus.UNPROCESSABLE_ENTITY, page)
        return _see_other(f"{self.root}/{run}")

    def _begin(self, form: _Form) -> Reply:
        url = form.text("url")
        try:
            run = self._desk.begin(
                url, certificate=form.text("certificate"), private_key=form.secret("private_key")
            )
        except OrchestratorError as error:
            typed = "" if "@" in url else form.shown("url")  # before an @ stands a name, or a password
            page = pages.start(self.root, self._desk.setups(), problem_of(error), typed_url=typed)
            return _page(HTTPStatus.UNPROCESSABLE_ENTITY, page)
        return _see_other(f"{self.root}/{run}")


class _Form:
    """Fields of a form; what may be a secret leaves as a Secret."""

    def __init__(self, body: bytes) -> None:
        text = body.decode("utf-8", "replace")
        try:
            self._fields = parse_qs(text, keep_blank_values=True, max_num_fields=32)
        except ValueError:
            self._fields = {}

    def text(self, name: str) -> str:
        return self._fields.get(name, [""])[-1]

    def shown(self, name: str) -> str:
        """What was typed, to be shown again: as little of it as a field takes, and no secret."""
        return redact(self.text(name))[:512]

    def secret(self, name: str) -> Secret | None:
        text = self.text(name)
        return Secret(text) if text.strip() else None


def _give_key(desk: Desk, run: str, form: _Form) -> None:
    desk.give_key(
        run,
        form.text("consumer_key"),
        form.secret("consumer_secret"),
        certificate_uploaded=form.text("certificate_uploaded") != "no",
    )


def _give_secret(desk: Desk, run: str, form: _Form) -> None:
    secret = form.secret("consumer_secret")
    if secret is None:
        raise UsageError(
            "the field is empty", code="consumer_secret_unusable", remedy="paste the consumer secret"
        )
    desk.give_secret(run, secret)


def _approve(desk: Desk, run: str, _form: _Form) -> None:
    desk.answer(run, approved=True)


def _reject(desk: Desk, run: str, _form: _Form) -> None:
    desk.answer(run, approved=False)


def _other_app(desk: Desk, run: str, form: _Form) -> str:
    return desk.use_other_app(run, form.text("app_kind"))


def _give_up(desk: Desk, run: str, _form: _Form) -> None:
    desk.give_up(run)


_ACTIONS: Mapping[str, Callable[[Desk, str, _Form], str | None]] = {
    "key": _give_key,
    "secret": _give_secret,
    "approve": _approve,
    "reject": _reject,
    "other-app": _other_app,
    "give-up": _give_up,
}
_ASSETS = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


@cache
def _asset(name: str) -> bytes:
    return files("orchestrator.web").joinpath("assets", name).read_bytes()


def _reply(status: HTTPStatus, kind: str, body: bytes, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Content-Type": kind, **_SECURITY, **named}, body)


def _page(status: HTTPStatus, page: Html) -> Reply:
    return _reply(status, _HTML, page.encode())


def _see_other(path: str) -> Reply:
    return _reply(HTTPStatus.SEE_OTHER, _HTML, b"", Location=path)


def _refused(refused: Refusal) -> Reply:
    problem = Problem("refused", refused.reason, refused.remedy)
    reply = _page(refused.status, pages.trouble("", problem))
    if refused.status is HTTPStatus.METHOD_NOT_ALLOWED:
        return Reply(reply.status, {**reply.headers, "Allow": "GET, POST"}, reply.body)
    return reply


def _not_found(root: str) -> Reply:
    problem = Problem("not_found", "There is nothing at this address.", "Go back to the start.")
    return _page(HTTPStatus.NOT_FOUND, pages.trouble(root, problem))

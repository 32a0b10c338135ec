"""What the guided page shows and what it asks for: the seam between the page and the runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import OrchestratorError
from orchestrator.redaction import Secret, redact

# looking: the org is being looked at. app: the person makes the app and brings its key. checking: the key is
# being checked. secret: the app asks for its secret. sign_in: a login is waited for. proving: what came of
# it is tried. certificate: logging in by certificate did not work. done, over: the run has ended, well or
# otherwise.
Stage = Literal["looking", "app", "checking", "secret", "sign_in", "proving", "certificate", "done", "over"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that did not work, for a person.

    Attributes:
        code: of the fault catalogue.
        meaning: one sentence.
        remedy: what to do next.
        seen: what was seen, secrets removed.
        link: page of Setup where it is mended, "" for none.
        link_label: its name.
    """

    code: str
    meaning: str
    remedy: str
    seen: str = ""
    link: str = ""
    link_label: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """Something to paste into Setup.

    Attributes:
        name: of `texts.setup_steps.VALUES`.
        label: what Salesforce calls the field.
        text: what to paste; for the certificate its PEM text.
    """

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step, with its page in this org's Setup."""

    title: str
    lines: tuple[str, ...]
    link: str = ""
    link_label: str = ""
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupLine:
    """A set-up in the list of those that were begun."""

    run: str
    org: str
    my_domain: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class SetupView:
    """One set-up as it stands.

    Attributes:
        run: its id.
        org: name under which the credential is kept.
        my_domain: host of the org.
        kind: what the host says about the org.
        stage: where the set-up stands.
        release: API version of the org; "" while it is not known.
        app_kind: kind of app that is made; "" while that is open.
        app_kinds: kinds that can be made in this org.
        steps: what to do in Setup.
        remarks: what is good to know there.
        facts: what is known of the org and of the run, (label, text).
        problem: what did not work last.
        authorize_url: where the login begins; "" when none may begin.
        consumer_key: as last given.
        notes: what was changed in the URL, and what else to know.
        commands: what can be done next in a terminal.
    """

    run: str
    org: str
    my_domain: str
    kind: str
    stage: Stage
    release: str = ""
    app_kind: str = ""
    app_kinds: tuple[str, ...] = ()
    steps: tuple[StepView, ...] = ()
    remarks: tuple[StepView, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    problem: Problem | None = None
    authorize_url: str = ""
    consumer_key: str = ""
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class Desk(Protocol):
    """Whoever has the runs. Every method may raise OrchestratorError, whose words are for people."""

    def setups(self) -> Sequence[SetupLine]:
        """Those that were begun and are not over, newest first."""
        ...

    def begin(self, url: str, *, certificate: str = "", private_key: Secret | None = None) -> str:
        """Begin a set-up of the org at *url*, or find the one that was begun; its run."""
        ...

    def view(self, run: str) -> SetupView:
        """How it stands."""
        ...

    def give_key(self, run: str, key: str, secret: Secret | None, *, certificate_uploaded: bool) -> None:
        """The consumer key; it is checked at once."""
        ...

    def give_secret(self, run: str, secret: Secret) -> None:
        """The consumer secret the app asked for."""
        ...

    def answer(self, run: str, *, approved: bool) -> None:
        """Yes or no to what is asked: another key, another try, without certificate."""
        ...

    def callback(self, query: str) -> str:
        """A browser came back from a login; the run it belongs to."""
        ...

    def use_other_app(self, run: str, app_kind: str) -> str:
        """Begin anew for the same org with the other kind of app; its run."""
        ...

    def give_up(self, run: str) -> None:
        """End a set-up; what was made in the org stays there."""
        ...


def problem_of(error: OrchestratorError) -> Problem:
    """An error as people read it."""
    return Problem(error.code, _sentence(redact(error.detail)), _sentence(redact(error.remedy)))


def _sentence(text: str) -> str:
    """With a capital and a full stop; the errors of a command line have neither."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", ")")) else ".") if text else ""

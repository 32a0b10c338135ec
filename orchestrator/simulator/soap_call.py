"""One authenticated SOAP call, as the operations of the partner and metadata APIs see it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.simulator import soap
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import Envelope, Surface
from orchestrator.simulator.users import User


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        sim: the simulation.
        org: the org called.
        user: who calls.
        session: by which session.
        request: the HTTP request.
        envelope: what it asks.
        surface: which API.
        version: its API version.
    """

    sim: Simulator
    org: Org
    user: User
    session: Session
    request: Request
    envelope: Envelope
    surface: Surface
    version: float

    @property
    def permissions(self) -> set[str]:
        """The caller's effective permissions."""
        return self.org.permissions_of(self.user)

    def answer(self, *content: tuple[str, object]) -> Response:
        """Build the operation's response with its children."""
        return soap.answer(self.surface, self.envelope.operation, content)

    def text(self, *names: str) -> str:
        """Return the text of an element of the operation; empty when absent."""
        return soap.text_of(self.envelope.body, *names) or ""

"""Threads that need a heavy library for the first time import it one after the other."""

from __future__ import annotations

import threading

import pytest

from orchestrator.errors import OrchestratorError
from orchestrator.redaction import Secret
from orchestrator.salesforce.importing import IMPORTING
from orchestrator.salesforce.metadata import Metadata
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.salesforce.soap import logout

HERE = "http://127.0.0.1:9"


def network():
    return Network(NetworkPolicy(), clock_s=lambda: 0.0, sleep=lambda _s: None, stopping=lambda: True)


CALLS = {
    "rest": lambda: OrgApi(network(), HERE, Secret("token"), "64.0").query("SELECT Id FROM Organization"),
    "metadata": lambda: Metadata(network(), HERE, Secret("token"), "64.0").read("ConnectedApp", ["A"]),
    "soap": lambda: logout(network(), HERE, Secret("token"), "64.0"),
}


@pytest.mark.parametrize("surface", CALLS)
def test_a_call_waits_while_another_thread_imports(surface):
    called = threading.Event()

    def call():
        try:
            CALLS[surface]()
        except OrchestratorError:  # nobody listens there
            called.set()

    with IMPORTING:
        thread = threading.Thread(target=call)
        thread.start()
        assert not called.wait(0.3)
    assert called.wait(20)
    thread.join()

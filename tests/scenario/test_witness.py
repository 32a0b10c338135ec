"""The witness itself: each thing that must never happen is made to happen, and it complains."""

from __future__ import annotations

from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from scenario_cases import Case, play, shortcomings
from scenario_world import Seen, Witness, World

PASSWORD = "hx7&Tr'ee<9%"
HOST = "acme.my.salesforce.com"


def login(at_s: float = 0.0, host: str = HOST, text: str = escape(PASSWORD)) -> Seen:
    return Seen(at_s, host, "soap_login", f"<password>{text}</password>".encode(), 200)


def token(at_s: float, status: int = 200) -> Seen:
    return Seen(at_s, HOST, "token", b"", status)


LOCK = Seen(100.0, HOST, "set_password", b"", 204)


@pytest.mark.parametrize(
    "text", [PASSWORD, escape(PASSWORD), escape(PASSWORD, {"'": "&apos;"}), quote_plus(PASSWORD)]
)
def test_the_witness_knows_the_password_in_every_encoding(text: str) -> None:
    assert len(Witness([login(text=text)], PASSWORD, HOST).passwords) == 1


def test_the_witness_complains_about_a_fourth_password() -> None:
    assert Witness([login()] * 3, PASSWORD, HOST).check() == []
    assert Witness([login()] * 4, PASSWORD, HOST).check() == ["4 passwords were sent"]


def test_the_witness_complains_about_a_password_to_another_host() -> None:
    assert Witness([login(host="evil.example")], PASSWORD, HOST).check() == [
        "the password was sent to evil.example"
    ]


def test_the_witness_complains_about_a_lock_without_enough_proofs() -> None:
    assert Witness([token(0), token(60), LOCK], PASSWORD, HOST).check() == ["a lock after 2 proofs"]


def test_the_witness_complains_about_proofs_that_were_interrupted() -> None:
    seen = [token(0), token(20), token(40), token(60, status=400), token(80), LOCK]
    assert Witness(seen, PASSWORD, HOST).check() == ["a lock after 1 proofs"]


def test_the_witness_complains_about_proofs_that_are_too_close() -> None:
    assert Witness([token(0), token(10), token(20), LOCK], PASSWORD, HOST).check() == [
        "a lock after proofs within 20 s"
    ]
    assert Witness([token(0), token(30), token(60), LOCK], PASSWORD, HOST).check() == []


def test_a_scenario_that_expects_otherwise_is_found_out(world: World) -> None:
    case = Case(
        name="a wrong expectation",
        password="not-the-right-one-4711",
        expect={"result": "succeeded", "passwords": 2, "truth": {"password_works": False}},
    )
    said = shortcomings(case, world, play(case, world))
    assert len(said) == 3
    assert said[0].startswith("result failed (login_invalid")


def test_a_password_that_reaches_the_bystander_is_found_out(world: World) -> None:
    case = Case(name="another org", entry={"username": world.seeds[1].username}, expect={"result": "failed"})
    finished = play(case, world)
    world.sim.org_of(world.seeds[1]).requests.append(world.org.requests[0])
    assert "1 requests went to another org" in shortcomings(case, world, finished)

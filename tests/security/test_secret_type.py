"""Chapter "A curious colleague": a Secret does not show itself, whatever Python is asked to show."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import io
import json
import logging
import pickle
import pprint
import subprocess
import sys

import pytest
import rich.console
import rich.traceback
import yaml

from orchestrator.redaction import MASK, Secret, environment_for_children

CANARY = "canary-7Q2W9X4Z"


@dataclasses.dataclass(frozen=True)
class Login:
    username: str
    password: Secret


LOGIN = Login("admin@acme.example", Secret(CANARY))


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        pprint.pformat,
        lambda login: repr(dataclasses.asdict(login)),
        lambda login: repr(dataclasses.astuple(login)),
        lambda login: repr(dataclasses.replace(login, username="x")),
        lambda login: repr(vars(login)),
        lambda login: repr(copy.deepcopy(login)),
        lambda login: repr(inspect.getmembers(login.password)),
        lambda login: repr([getattr(login.password, name) for name in dir(login.password)]),
        lambda login: f"{login.password} {login.password!r} {login.password!s:>40}",
        lambda login: json.dumps(dataclasses.asdict(login), default=str),
        lambda login: repr(ValueError("refused", login, login.password)),
    ],
)
def test_no_way_of_showing_a_record_shows_the_secret_in_it(show):
    assert CANARY not in show(LOGIN)


@pytest.mark.parametrize(
    "serialise",
    [
        pickle.dumps,
        lambda secret: pickle.dumps([LOGIN, secret]),
        json.dumps,
        yaml.dump,
        yaml.safe_dump,
        lambda secret: secret.__reduce_ex__(4),
        lambda secret: secret.__getstate__(),
        "".join,
        bytes,
        list,
        int,
        hash,
        vars,
        lambda secret: secret + "x",
        lambda secret: "x" + secret,
        lambda secret: secret < secret,  # noqa: PLR0124 - no order, which would tell where it stands
    ],
)
def test_what_would_write_a_secret_out_is_refused_without_quoting_it(serialise):
    with pytest.raises((TypeError, yaml.YAMLError)) as refused:
        serialise(LOGIN.password)
    assert CANARY not in repr(refused.value)


def test_a_logged_secret_is_a_mask_in_every_style():
    written = io.StringIO()
    log = logging.getLogger("orchestrator.canary")
    log.addHandler(logging.StreamHandler(written))
    log.error("login %(password)s", {"password": LOGIN.password})
    log.error("login %s of %r", LOGIN.password, LOGIN)
    log.error(LOGIN.password)
    log.handlers.clear()
    assert MASK in written.getvalue()
    assert CANARY not in written.getvalue()


def test_a_traceback_with_local_variables_holds_no_secret():
    def login(given: Login) -> None:
        password = given.password
        raise ValueError("refused", password)

    written = io.StringIO()
    try:
        login(LOGIN)
    except ValueError:
        traced = rich.traceback.Traceback(show_locals=True)
        rich.console.Console(file=written, width=200).print(traced)
    assert "password" in written.getvalue()
    assert CANARY not in written.getvalue()


def test_secrets_that_are_no_utf8_are_compared_and_not_quoted_by_an_error():
    odd = f"{CANARY}\udcff"
    assert Secret(odd) == Secret(odd)
    assert Secret(odd) != Secret(CANARY)


UNCAUGHT = f"""
import threading
from orchestrator.cli.privacy import redact_last_words
from orchestrator.redaction import Secret
redact_last_words()
kept = Secret({CANARY!r})
def library():
    quoted = kept.reveal()
    raise RuntimeError("cannot go on with " + quoted)
thread = threading.Thread(target=library)
thread.start()
thread.join()
library()
"""


def test_what_nobody_caught_is_printed_without_secrets_and_without_local_variables():
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 1
    assert done.stderr.count(f"cannot go on with {MASK}") == 2
    assert CANARY not in done.stdout + done.stderr


def test_children_inherit_no_variable_that_is_a_secret():
    kept = Secret(CANARY)
    environ = {
        "PATH": "/bin",
        "VAULT_TOKEN": "needed-by-vault",
        "ORCHESTRATOR_KEY": "key",
        "ORCHESTRATOR_DATABASE": "postgresql://u:password@h/d",
        "ORCHESTRATOR_HOME": "/home",
        "ADMIN_PASSWORD": "named by the org",
        "SOMEWHERE_ELSE": kept.reveal(),
    }
    left = environment_for_children(environ, ["env:ADMIN_PASSWORD", "exec:pass show acme"])
    assert left == {"PATH": "/bin", "VAULT_TOKEN": "needed-by-vault", "ORCHESTRATOR_HOME": "/home"}

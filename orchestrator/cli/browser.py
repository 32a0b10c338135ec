"""Where a person logs in: the address on standard error, and a browser if there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import click

from orchestrator.redaction import environment_for_children

ALLOWED_BY = "ORCHESTRATOR_WEB_LOGIN"


def browser_for(environ: Mapping[str, str] | None = None) -> Callable[[str], None] | None:
    """What shows a login's address to a person; None when nobody watches this command.

    A command on a terminal is watched; `ORCHESTRATOR_WEB_LOGIN=1` says so of any other.
    """
    allowed = (os.environ if environ is None else environ).get(ALLOWED_BY, "") not in {"", "0"}
    return show if allowed or (sys.stdin.isatty() and sys.stderr.isatty()) else None


def show(url: str) -> None:
    """Print the address and open the browser (BROWSER names another one); printing is enough."""
    click.echo(f"Log in to the org with your browser:\n  {url}", err=True)
    open_apart("import sys, webbrowser; webbrowser.open(sys.argv[1])", url)


def open_apart(program: str, address: str) -> None:
    """Let a Python of its own run *program* with *address*: a browser must not inherit our secrets."""
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program, address], env=environment_for_children(os.environ), check=False
    )

"""`setup`: the guided manual set-up, as a local web page or in the terminal."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from orchestrator.app import App
from orchestrator.cli.exits import exit_code
from orchestrator.cli.opening import open_quietly
from orchestrator.cli.options import Console, global_options, open_app, parse_settings
from orchestrator.cli.progress import JsonLines, Lines
from orchestrator.engine.events import Observer, ignore
from orchestrator.errors import UsageError
from orchestrator.texts.setup_steps import APP_KINDS

if TYPE_CHECKING:
    from orchestrator.cli.setup_desk import GuidedDesk

DEFAULT_PORT = 17170
CALLBACK_PATH = "/OauthRedirect"
_TOKEN_BYTES = 24


@click.command()
@click.argument("url", required=False)
@click.option("--terminal", is_flag=True, help="Ask here instead of on a page.")
@click.option("--paste", is_flag=True, help="With --terminal: the browser runs on another machine.")
@click.option("--org", "org_name", metavar="NAME", help="Name to keep the credential under.")
@click.option("--app", "app_kind", type=click.Choice(APP_KINDS), help="Kind of app, unless the org decides.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Where browsers come back to ({DEFAULT_PORT}).")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Input of the playbook.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divide waits; loopback only.")
@global_options
@click.pass_obj
def setup(console: Console, /, url: str | None, **options: Any) -> int:
    """Set up the org at URL by hand, step by step; without URL go on with what was begun.

    Everything is a run of the playbook `guided`: close the browser, stop the command, and `orchestrator
    setup` goes on where you left. Exit 0 when the credential works, 4 while a person is awaited.
    """
    from orchestrator.cli.setup_desk import GuidedDesk  # noqa: PLC0415 - heavy

    app = open_app(console, speed=options["speed"])
    given = parse_settings(options["settings"], "--set")
    if options["app_kind"]:
        given["app_kind"] = options["app_kind"]
    port = options["port"] or _port(app, given)
    desk = GuidedDesk(
        app,
        _observer(console, terminal=options["terminal"]),
        port=port,
        settings=given,
        org_name=_checked_name(options["org_name"]),
    )
    if options["terminal"]:
        from orchestrator.cli.setup_terminal import guide  # noqa: PLC0415 - only here

        guide(app, desk, url, paste=options["paste"], browser=not options["no_browser"])
    else:
        _serve(console, app, desk, url, port=port, browser=not options["no_browser"])
    return exit_code(desk.records(), [])


def _serve(
    console: Console, app: App, desk: GuidedDesk, url: str | None, *, port: int, browser: bool
) -> None:
    """The page, until it is closed, Ctrl-C or SIGTERM."""
    from orchestrator.cli.run import signals  # noqa: PLC0415 - only here
    from orchestrator.web.server import PageServer  # noqa: PLC0415 - heavy
    from orchestrator.web.site import Site  # noqa: PLC0415 - heavy

    closed = threading.Event()
    with signals(app.stop), PageServer(port) as server:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        site = Site(desk, port=port, token=token, callback_path=CALLBACK_PATH, on_close=closed.set)
        path = f"{site.root}/{desk.begin(url)}" if url else f"{site.root}/"
        server.serve(site.answer)
        address = f"http://127.0.0.1:{server.port}{path}"
        _tell(console, address)
        opener = open_quietly(app.configuration.home, address) if browser and not console.as_json else None
        while not closed.wait(0.2) and not app.stop.is_set():
            continue
        if opener is not None:
            opener.unlink(missing_ok=True)
    app.stop.set()


def _tell(console: Console, address: str) -> None:
    if console.as_json:
        sys.stdout.write(json.dumps({"url": address}) + "\n")
        sys.stdout.flush()
        return
    click.echo(
        f"The guided set-up is at\n  {address}\nOnly this machine can open it. Ctrl-C ends it; "
        "nothing is lost."
    )


def _observer(console: Console, *, terminal: bool) -> Observer:
    """Who is told of events; beside questions they would only be in the way."""
    if console.as_json:
        return JsonLines(sys.stderr)
    is_silent = console.quiet or (terminal and not console.verbose)
    return ignore if is_silent else Lines(color=console.color, many=True, verbose=console.verbose)


def _port(app: App, given: Mapping[str, str]) -> int:
    """The port of the newest set-up under way, whose app knows it already; else the usual one."""
    from orchestrator.cli.setup_desk import unfinished  # noqa: PLC0415 - heavy

    named = given.get("callback_port", "")
    if named.isdecimal():
        return int(named)
    ports = [record.inputs.get("callback_port") for record in unfinished(app)]
    return int(next((port for port in ports if port), DEFAULT_PORT))


def _checked_name(name: str | None) -> str | None:
    from orchestrator.fleet.orgs import is_org_name  # noqa: PLC0415 - heavy

    if name is not None and not is_org_name(name):
        raise UsageError(
            f"'{name[:80]}' cannot be the name of an org",
            code="usage",
            remedy="use letters, digits and `. _ @ + -`, a letter or digit first, at most 128",
        )
    return name

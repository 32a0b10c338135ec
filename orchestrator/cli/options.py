"""Options every command understands, before or after the command's name, and the App they lead to."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.browser import browser_for
from orchestrator.cli.privacy import keep_memory_private
from orchestrator.configuration import Configuration
from orchestrator.errors import UsageError


@dataclass(slots=True)
class Console:
    """How to speak: JSON or text, how much, with or without colour."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    given: dict[str, Any] = field(default_factory=dict)


def is_terminal() -> bool:
    """Whether a person watches standard output."""
    return sys.stdout.isatty()


_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--home",), {"metavar": "DIR", "help": "Folder of journal, vault and reports (ORCHESTRATOR_HOME)."}),
    (
        ("--database",),
        {"metavar": "URL", "help": "Shared journal (ORCHESTRATOR_DATABASE); SQLite in home by default."},
    ),
    (
        ("--connect-to",),
        {
            "multiple": True,
            "metavar": "HOST:PORT:HOST2:PORT2",
            "help": "Connect elsewhere, keep name and certificate check (as curl; repeatable).",
        },
    ),
    (("--json", "as_json"), {"is_flag": True, "default": None, "help": "Machine-readable output."}),
    (("--quiet",), {"is_flag": True, "default": None, "help": "Only results and errors."}),
    (("--verbose",), {"is_flag": True, "default": None, "help": "More detail; never secrets."}),
    (("--no-color",), {"is_flag": True, "default": None, "help": "No colour (also NO_COLOR)."}),
)


def global_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the global options to *command*; a value given nearer to the command wins."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        ctx = click.get_current_context()
        console = ctx.ensure_object(Console)
        for names, settings in _GLOBAL:
            name = names[-1].removeprefix("--").replace("-", "_")
            value = kwargs.pop(name)
            if settings.get("multiple"):
                if value:
                    console.given[name] = value
            elif value is not None:
                console.given[name] = value
        console.as_json = bool(console.given.get("as_json"))
        console.quiet = bool(console.given.get("quiet"))
        console.verbose = bool(console.given.get("verbose"))
        console.color = not console.given.get("no_color") and not os.environ.get("NO_COLOR") and is_terminal()
        return command(*args, **kwargs)

    for names, settings in reversed(_GLOBAL):
        wrapped = click.option(*names, **settings)(wrapped)
    return wrapped


def open_app(console: Console, *, speed: float = 1.0, orgs_file: str | None = None) -> App:
    """The App for what was given; closed when the command ends."""
    keep_memory_private()
    ctx = click.get_current_context()
    base = Path(orgs_file).absolute().parent if orgs_file and orgs_file != "-" else None
    configuration = Configuration.from_options(
        home=console.given.get("home"),
        database=console.given.get("database"),
        connect_to=console.given.get("connect_to", ()),
        speed=speed,
        environ=os.environ,
        secrets_base=base,
    )
    app = App(configuration, prompt=_prompt if sys.stdin.isatty() else None)
    app.open_browser = browser_for()
    ctx.call_on_close(app.close)
    return app


def _prompt(question: str) -> str:
    return str(click.prompt(question, hide_input=True, err=True))


def parse_settings(pairs: tuple[str, ...], flag: str) -> dict[str, str]:
    """`KEY=VALUE` pairs as a mapping. Raises UsageError on anything else."""
    settings = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or not key.strip():
            raise UsageError(
                f"{flag} {pair!r} is not KEY=VALUE", code="setting_invalid", remedy=f"write {flag} name=value"
            )
        settings[key.strip()] = value
    return settings

"""The group of all commands, and the one place that maps errors to exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from orchestrator import __version__
from orchestrator.cli.options import Console, global_options
from orchestrator.cli.terminal import neutral_output
from orchestrator.errors import EXIT_INTERRUPTED, Defect, Interrupted, OrchestratorError, UsageError
from orchestrator.redaction import redact, redact_tree

# Command -> (module, attribute, one line for --help). Modules are imported when a command is used.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("run", "run", "Run a playbook for one org or a fleet."),
    "plan": ("plan", "plan", "What a run would change; changes nothing."),
    "resume": ("run", "resume", "Continue runs from their last settled state."),
    "runs": ("runs", "runs", "List, show, watch, approve, cancel and undo runs."),
    "setup": ("setup", "setup", "Guided manual set-up of an org, as a page of this machine."),
    "verify": ("verify", "verify", "Check, read-only, that nothing drifted since the run."),
    "doctor": ("doctor", "doctor", "One cause, its evidence and its fix, for an org that does not work."),
    "explain": ("explain", "explain", "What a code means and what to do about it."),
    "playbook": ("playbook", "playbook", "Check, draw and describe playbooks."),
    "org": ("org", "org", "What is behind an org's URL."),
    "orgs": ("orgs_import", "orgs", "Make an orgs file of what the Salesforce CLI knows."),
    "credentials": ("credentials", "credentials", "What was obtained, and where it lies."),
    "report": ("report", "report", "The evidence of runs: HTML for people, JSON for programs."),
    "worker": ("worker", "worker", "Take part in the work on a shared database."),
    "simulate": ("simulate", "simulate", "Serve simulated orgs on loopback."),
    "demo": ("demo", "demo", "Run the hybrid flow against a simulated org and show the evidence."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the documentation."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"orchestrator.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="orchestrator", message="%(prog)s %(version)s")
@global_options
def cli() -> None:
    """Take Salesforce orgs from an admin's password to a proven OAuth credential and a dead password.

    Exit codes: 0 succeeded, 2 wrong usage or file, 3 an org refused or a run failed, 4 a person is
    needed, 5 interrupted and resumable, 70 our defect.
    """


def run_cli(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; every error becomes one clear message."""
    with neutral_output():
        try:
            return int(
                cli.main(list(arguments), prog_name="orchestrator", standalone_mode=False, obj=Console()) or 0
            )
        except BrokenPipeError:  # whoever read our output has gone
            sys.stderr.close()
            return EXIT_INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the last catch of the program
            return _report(_ours(error), error, arguments)


def _ours(error: Exception) -> OrchestratorError:
    """The error of our tree that *error* is; whatever else comes up is a defect."""
    match error:
        case OrchestratorError():
            return error
        case click.exceptions.Abort():
            return Interrupted("stopped at a question", remedy="run it again")
        case click.ClickException():
            return UsageError(error.format_message())
        case _:
            return Defect(f"{type(error).__name__}: {error}")


def _report(error: OrchestratorError, cause: Exception, arguments: Sequence[str]) -> int:
    """Print the error the way the caller reads; the traceback of a defect only with --verbose."""
    if isinstance(error, Defect) and "--verbose" in arguments:
        sys.stderr.write(redact("".join(traceback.format_exception(cause))))
    if "--json" in arguments:
        sys.stderr.write(json.dumps(redact_tree(error.as_json())) + "\n")
    else:
        text = f"error: {error}\n  blame:  {error.blame}\n  remedy: {error.remedy}\n"
        sys.stderr.write(redact(text))
    return error.exit_status

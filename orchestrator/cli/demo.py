"""`demo`: the hybrid flow against a simulated org over real loopback HTTPS, ending with the evidence."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.options import Console, global_options
from orchestrator.errors import Defect

_STOP_WITHIN_S = 10.0


@click.command()
@click.option("--profile", default="production", show_default=True, help="Kind of the simulated org.")
@click.option("--speed", type=float, default=10.0, show_default=True, help="Clock of both sides.")
@click.option("--seed", help="Repeat a demo exactly.")
@global_options
@click.pass_obj
def demo(console: Console, profile: str, speed: float, seed: str | None) -> int:
    """Run the hybrid flow against a simulated org and show the evidence."""
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-demo-") as home,
        simulated_org(profile, speed, seed) as org,
    ):
        click.echo(f"simulated org: profile {profile}, seed {org['seed']}, {org['url']}\n")
        arguments = ["--home", home, "--connect-to", org["connect_to"], "--orgs", org["orgs_file"]]
        arguments += [] if console.color else ["--no-color"]
        code = _orchestrator("run", "hybrid", "--speed", f"{speed:g}", *arguments, ca=org["ca"])
        _show_evidence(home)
        _show_truth(org["control"])
    return code


@contextmanager
def simulated_org(profile: str, speed: float, seed: str | None) -> Iterator[dict[str, Any]]:
    """A simulator process for as long as the block lasts; what its first line said."""
    command = [
        sys.executable,
        "-m",
        "orchestrator",
        "simulate",
        "--profile",
        profile,
        "--speed",
        f"{speed:g}",
    ]
    if seed is not None:
        command += ["--seed", seed]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise Defect("the simulator did not start")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(_STOP_WITHIN_S)
        if process.stdout:
            process.stdout.close()


def _orchestrator(*arguments: str, ca: str) -> int:
    import os  # noqa: PLC0415 - only here is an environment made

    environ = {**os.environ, "REQUESTS_CA_BUNDLE": ca}
    command = [sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 - our own program


def _show_evidence(home: str) -> None:
    """The last words of the demo: what is proven, from the journal alone."""
    from orchestrator.app import App  # noqa: PLC0415 - after the run
    from orchestrator.configuration import Configuration  # noqa: PLC0415 - after the run

    app = App(Configuration(home=Path(home)))
    try:
        evidence = app.journal.runs()[0].evidence
    finally:
        app.close()
    click.echo("\nEvidence")
    for line in evidence_lines(dict(evidence)):
        click.echo(f"  {line}")


def evidence_lines(evidence: dict[str, Any]) -> list[str]:
    """The evidence of a hybrid run in a few sentences, only from what the run found."""
    lines = []
    if app := evidence.get("app"):
        lines.append(f"client app     {app['kind']} {app['name']}, consumer key {app['consumer_key'][:12]}…")
    if certificate := evidence.get("certificate"):
        lines.append(
            f"certificate    sha256 {certificate['sha256'][:24]}…, valid until {certificate['not_after']}"
        )
    if propagation := evidence.get("propagation"):
        answers = ", ".join(f"{n} x {code}" for code, n in propagation.get("answers", {}).items())
        lines.append(
            f"propagation    first success after {propagation.get('first_success_s')} s, settled after "
            f"{propagation.get('settled_s')} s, {propagation['attempts']} tries ({answers or 'no refusal'})"
        )
    lines.append(
        f"OAuth          {len(evidence.get('jwt_proofs', []))} JWT logins in a row, each with real calls"
    )
    lines.extend(
        f"lock           {lock['mechanism']}: {lock['how_proven']}" for lock in evidence.get("lockdown", [])
    )
    if probe := evidence.get("password_probe"):
        lines.append(f"old password   {probe['when']}: {probe['answer']} - {probe['meaning']}")
    return lines


def _show_truth(control: str) -> None:
    """What the simulator says about itself: not part of the evidence, but a witness."""
    with urllib.request.urlopen(f"{control}/orgs") as answer:  # noqa: S310 - our own loopback server
        name = json.load(answer)["orgs"][0]["name"]
    with urllib.request.urlopen(f"{control}/orgs/{name}") as answer:  # noqa: S310 - likewise
        truth = json.load(answer)
    click.echo("\nThe org itself says")
    for key in ("password_works", "jwt_works"):
        click.echo(f"  {key:<16} {truth[key]}")

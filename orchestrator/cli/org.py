"""`org detect`: what is behind a URL, from public endpoints only."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import OrgFault


@click.group()
def org() -> None:
    """What is behind an org's URL."""


@org.command("detect")
@click.argument("url")
@click.option("--offline", is_flag=True, help="Judge the URL only; ask nobody.")
@global_options
@click.pass_obj
def detect(console: Console, url: str, *, offline: bool) -> int:
    """Kind, hosts, audiences and Setup links of the org at URL (any URL a person would paste)."""
    from orchestrator.salesforce.hosts import parse_org_url  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.setup_links import all_links  # noqa: PLC0415 - heavy

    host = parse_org_url(url)
    found: dict[str, Any] = {
        "my_domain": host.my_domain,
        "kind": host.kind,
        "login_host": host.login_host,
        "audiences": list(host.audiences),
        "setup_host": host.setup_host,
        "notes": list(host.notes),
        "setup_links": all_links(host),
    }
    code = 0
    if not offline:
        code = _ask(console, host, found)
    if console.as_json:
        print_json(found)
    else:
        _print(found)
    return code


def _ask(console: Console, host: Any, found: dict[str, Any]) -> int:
    from orchestrator.salesforce.discovery import api_versions, auth_configuration  # noqa: PLC0415 - heavy

    network = open_app(console).network
    try:
        configuration = auth_configuration(network, host)
        found["org_id"] = configuration.org_id15
        found["single_sign_on_offered"] = configuration.saml
        versions = api_versions(network, host)
    except OrgFault as refused:
        found["reachable"] = False
        found["error"] = refused.as_json()["error"]
        return refused.exit_status
    found["reachable"] = True
    found["api_version_newest"] = versions[-1]
    return 0


def _print(found: dict[str, Any]) -> None:
    for key, value in found.items():
        if key == "setup_links":
            click.echo("setup links")
            for name, link in value.items():
                click.echo(f"  {name:<28} {link}")
        elif key == "error":
            click.echo(
                f"error                {value['code']}: {value['detail']}\n  remedy: {value['remedy']}"
            )
        elif isinstance(value, list):
            for item in value:
                click.echo(f"{key.replace('_', ' '):<20} {item}")
        else:
            click.echo(f"{key.replace('_', ' '):<20} {value}")

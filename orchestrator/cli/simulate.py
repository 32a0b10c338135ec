"""`simulate`: orgs on loopback to try playbooks against; nothing of the client is in them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from orchestrator.cli.options import Console, global_options
from orchestrator.errors import UsageError


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one."
)
@click.option("--http", "plain", is_flag=True, help="Plain http instead of TLS.")
@click.option("--orgs", "orgs_file", type=click.Path(dir_okay=False, path_type=Path), help="Orgs to play.")
@click.option("--profile", default="production", show_default=True, help="Kind of generated orgs.")
@click.option("--count", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many.")
@click.option("--seed", default="", metavar="SEED", help="Every random choice comes from it; printed.")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="The orgs' clock runs so much faster."
)
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Write every request there.")
@global_options
@click.pass_obj
def simulate(
    _console: Console,  # the one JSON line is the same in every mode
    /,
    *,
    port: int,
    orgs_file: Path | None,
    profile: str,
    count: int,
    seed: str,
    speed: float,
    journal: Path | None,
    plain: bool,
) -> int:
    """Serve simulated orgs on loopback until SIGTERM; the first line says where (JSON)."""
    from orchestrator.simulator.command import serve  # noqa: PLC0415 - heavy

    try:
        serve(
            port=port,
            http=plain,
            orgs_file=orgs_file,
            profile=profile,
            count=count,
            seed=seed,
            speed=speed,
            journal=journal,
            out=sys.stdout,
        )
    except ValueError as error:
        raise UsageError(str(error), code="simulator_options", remedy="see `simulate --help`") from error
    except OSError as error:
        raise UsageError(str(error), code="simulator_port", remedy="choose another --port or file") from error
    return 0

"""`python -m orchestrator`, and the console script. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; never returns."""
    if sys.argv[1:] == ["--version"]:
        from orchestrator import __version__  # noqa: PLC0415 - the answer must be instant

        sys.stdout.write(f"orchestrator {__version__}\n")
        raise SystemExit(0)
    from orchestrator.cli.main import run_cli  # noqa: PLC0415 - likewise
    from orchestrator.cli.privacy import redact_last_words  # noqa: PLC0415 - likewise

    redact_last_words()
    raise SystemExit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()

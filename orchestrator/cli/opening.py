"""Open a person's browser at an address that others must not read."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.cli.browser import open_apart

_FILE = "open-in-browser.html"


def open_quietly(home: Path, address: str) -> Path:
    """Open the browser by a file that leads on: command lines can be read by others, this file cannot.

    Args:
        home: folder for the file.
        address: where to; anything that is no HTML.

    Returns: the file, to be removed when the address is worth nothing any more.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    opener = home / _FILE
    opener.unlink(missing_ok=True)
    handle = os.open(opener, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    escaped = address.replace("&", "&amp;").replace('"', "&quot;")
    with os.fdopen(handle, "w", encoding="utf-8") as page:
        page.write(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={escaped}"><title>Opening</title>\n'
        )
    open_apart("import sys, click; click.launch(sys.argv[1])", opener.as_uri())
    return opener

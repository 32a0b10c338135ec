"""Programs of other makers, replaced by one that writes down what it is given and what others could see."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORG, KEY = "acme", base64.b64encode(bytes(32)).decode()

# Writes down what any user of the machine can see of it (its words as the kernel shows them, its environment
# as its owner sees it), and what only it is told (standard input, the key file).
_STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path
def cmdline(pid):
    return Path(f"/proc/{{pid}}/cmdline").read_bytes().decode().split("\\0")[:-1]
words = sys.argv[1:]
row = {{
    "program": Path(sys.argv[0]).name,
    "words": words,
    "cmdline": cmdline("self"),
    "parent_cmdline": cmdline(os.getppid()),
    "environ": dict(os.environ),
    "stdin": sys.stdin.read(),
}}
if "--jwt-key-file" in words:
    path = Path(words[words.index("--jwt-key-file") + 1])
    row["key_file"] = str(path)
    row["key_text"] = path.read_text()
    row["key_mode"] = path.stat().st_mode & 0o777
    row["folder_mode"] = path.parent.stat().st_mode & 0o777
with open({log!r}, "a") as log:
    log.write(json.dumps(row) + "\\n")
fails = os.environ.get("STAND_IN_FAILS", "")
if fails and fails in " ".join(words):
    print("cannot: " + row["stdin"], file=sys.stderr)
    sys.exit(1)
"""


@dataclass(frozen=True)
class StandIns:
    """Programs of other makers, replaced by one that writes down what it is given."""

    folder: Path
    log: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def write_stand_ins(folder: Path, log: Path) -> StandIns:
    """Put a stand-in of each program into *folder*."""
    folder.mkdir()
    for name in ("sf", "gh", "glab", "vault"):
        path = folder / name
        path.write_text(_STAND_IN.format(python=sys.executable, log=str(log)))
        path.chmod(0o755)
    return StandIns(folder, log)

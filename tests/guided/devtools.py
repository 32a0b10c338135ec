"""A headless Chromium spoken to over two pipes (Chrome DevTools Protocol), as far as a person uses a page.

No driver program, no socket: `--remote-debugging-pipe` takes commands on descriptor 3 and answers on 4, JSON
texts that end in a zero byte.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ANSWER_WITHIN_S = 20.0
LOOK_EVERY_S = 0.05
# Shells know descriptors of one digit only, so this puts the pipes where the browser looks for them.
_ON_3_AND_4 = """
import fcntl, os, sys
high = [fcntl.fcntl(int(text), fcntl.F_DUPFD, 10) for text in sys.argv[1:3]]
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_KEYS = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Space": ("Space", 32, " "),
    "ArrowDown": ("ArrowDown", 40, ""),
}


class Browser:
    """One process with one profile.

    Args:
        folder: for its profile.
        orgs_port: where the hosts of Salesforce are served.
        spki: base64 of SHA-256 of the public key their certificates have.
    """

    def __init__(self, folder: Path, *, orgs_port: int, spki: str) -> None:
        assert CHROMIUM is not None
        to_read, self._to_write = os.pipe()
        self._to_look, to_answer = os.pipe()
        flags = [
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",  # it runs as root in containers, and shows nothing but our own pages
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            f"--user-data-dir={folder}",
            f"--host-resolver-rules=MAP *.salesforce.com 127.0.0.1:{orgs_port}",
            f"--ignore-certificate-errors-spki-list={spki}",
        ]
        self._process = subprocess.Popen(  # noqa: S603 - the system's browser with our flags
            [
                sys.executable,
                "-c",
                _ON_3_AND_4,
                str(to_read),
                str(to_answer),
                CHROMIUM,
                *flags,
                "about:blank",
            ],
            pass_fds=(to_read, to_answer),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_answer)
        self._number = 0
        self._buffer = b""
        self.events: deque[dict[str, Any]] = deque(maxlen=2000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.send("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        os.close(self._to_write)
        os.close(self._to_look)

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its answer; what comes in between is kept as events."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to_write, json.dumps(message).encode() + b"\0")
        until_s = time.monotonic() + ANSWER_WITHIN_S
        while True:
            answer = self._next(until_s - time.monotonic())
            assert answer is not None, f"the browser did not answer {method}"
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer.get('error')}"
                return dict(answer["result"])

    def _next(self, within_s: float) -> dict[str, Any] | None:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._to_look], [], [], max(within_s, 0.0))
            if not ready:
                return None
            read = os.read(self._to_look, 1 << 20)
            assert read, "the browser went away"
            self._buffer += read
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "id" not in message:
            self.events.append(message)
        return message

    def tab(self) -> Tab:
        """A new tab in a context of its own: no cookies, no history."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session)


class Tab:
    """One tab, used like a person would."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **parameters)

    def goto(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str, within_s: float = ANSWER_WITHIN_S) -> None:
        """Until the expression is true; a page that is just being replaced counts as not yet."""
        until_s = time.monotonic() + within_s
        pause = threading.Event()
        while time.monotonic() < until_s:
            with contextlib.suppress(AssertionError):
                if self.evaluate(f"!!({expression})"):
                    return
            pause.wait(LOOK_EVERY_S)
        raise AssertionError(f"never true: {expression}\n{self.text()}")

    def wait_for_heading(self, text: str, within_s: float = ANSWER_WITHIN_S) -> None:
        wanted = json.dumps(text)
        self.wait_for(
            f"document.readyState === 'complete' && document.querySelector('h1')?.textContent === {wanted}",
            within_s,
        )

    def text(self) -> str:
        return str(self.evaluate("document.body.innerText"))

    def url(self) -> str:
        return str(self.evaluate("location.href"))

    def fill(self, selector: str, text: str) -> None:
        """Focus a field, clear it, type into it."""
        self.evaluate(f"(e => {{ e.focus(); e.select(); }})(document.querySelector({json.dumps(selector)}))")
        self.type(text)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of the element."""
        found = self.evaluate(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); "
            f"return [r.x + r.width / 2, r.y + r.height / 2]; "
            f"}})(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button="left", clickCount=1
            )

    def press(self, key: str) -> None:
        code, number, text = _KEYS[key]
        common = {"key": text if key == "Space" else key, "code": code, "windowsVirtualKeyCode": number}
        self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def paste(self) -> None:
        """Ctrl+V."""
        common = {"key": "v", "code": "KeyV", "modifiers": 2, "windowsVirtualKeyCode": 86}
        self.send("Input.dispatchKeyEvent", type="rawKeyDown", commands=["paste"], **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab_to(self, selector: str) -> None:
        """By the Tab key alone."""
        for _ in range(80):
            if self.evaluate(f"document.activeElement?.matches({json.dumps(selector)}) ?? false"):
                return
            self.press("Tab")
        raise AssertionError(f"the Tab key never reaches {selector}")

    def without_scripts(self) -> None:
        self.send("Emulation.setScriptExecutionDisabled", value=True)

    def prefers(self, scheme: str) -> None:
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def screenshot(self, path: Path) -> None:
        self.wait_for("document.readyState === 'complete' && innerWidth > 0")
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the browser wrote about pages of ours: blocked resources, errors of scripts."""
        said = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                said.append(str(event["params"]["entry"]["text"]))
            if event["method"] == "Runtime.exceptionThrown":
                said.append(str(event["params"]["exceptionDetails"].get("text")))
        return said

    def asked_hosts(self) -> set[str]:
        """Hosts the tab sent requests to."""
        return {
            event["params"]["request"]["url"].split("/")[2]
            for event in self._browser.events
            if event.get("sessionId") == self._session
            and event["method"] == "Network.requestWillBeSent"
            and event["params"]["request"]["url"].startswith("http")
        }

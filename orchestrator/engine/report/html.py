"""Pages of the evidence report: one file, or a folder with an overview and a page per run.

A page needs nothing but itself: styles and pictures are inside, there is no script, and its content
security policy forbids everything else. It can be kept, mailed and opened years later without a network.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from orchestrator import __version__
from orchestrator.engine.report.fleet_html import fleet_body
from orchestrator.engine.report.markup import Markup, element, joined, moment
from orchestrator.engine.report.run_html import run_body

INDEX = "index.html"

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,150}")
Tree = Mapping[str, Any]


def single_page(report: Tree) -> str:
    """One file: the page of the only run, or the overview followed by every run."""
    runs = report["runs"]
    if len(runs) == 1:
        return _page(f"Evidence: {runs[0]['org']}", run_body(runs[0]), report["written"])
    sections = [
        element("article", run_body(run, level=2), class_="run", id=_anchor(run), aria_label=run["org"])
        for run in runs
    ]
    body = joined([fleet_body(report, lambda run: f"#{_anchor(run)}"), *sections])
    return _page(f"Evidence of {len(runs)} runs", body, report["written"], kind="fleet")


def index_page(report: Tree) -> str:
    """The overview of a folder; `report` may hold summaries."""
    body = fleet_body(report, lambda run: f"runs/{file_name(run)}")
    return _page(f"Evidence of {len(report['runs'])} runs", body, report["written"], kind="fleet")


def run_page(run: Tree, written: str) -> str:
    """The page of one run in a folder, with a way back to the overview."""
    back = element("nav", element("a", "All runs", href=f"../{INDEX}"), aria_label="Report")
    return _page(f"Evidence: {run['org']}", run_body(run), written, back)


def file_name(run: Tree) -> str:
    """The name of a run's page: its id where that is a plain name, else a hash of it."""
    name = str(run["run"])
    if not _SAFE_NAME.fullmatch(name):
        name = "run-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name}.html"


def _anchor(run: Tree) -> str:
    return "run-" + hashlib.sha256(str(run["run"]).encode()).hexdigest()[:12]


def _page(title: str, body: Markup, written: str, nav: Markup | None = None, *, kind: str = "run") -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        Markup(f"<style>{stylesheet()}</style>"),
    )
    footer = element(
        "footer",
        element("p", "Written ", moment(written), f" by orchestrator {__version__} from its journal alone."),
        element("p", "All times are UTC. Secrets are never in the journal; what looks like one is masked."),
    )
    page = element(
        "body",
        element("a", "Skip to the content", href="#content", class_="skip"),
        element("header", nav) if nav is not None else None,
        element("main", body, id="content"),
        footer,
        class_=kind,
    )
    return "<!DOCTYPE html>\n" + element("html", head, "\n", page, lang="en") + "\n"


@functools.cache
def stylesheet() -> str:
    """The styles of every page."""
    return files("orchestrator.engine.report").joinpath("report.css").read_text("utf-8")


@functools.cache
def policy() -> str:
    """Nothing is loaded, nothing runs, nothing is sent; only this stylesheet, named by its hash, applies."""
    digest = base64.b64encode(hashlib.sha256(stylesheet().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"

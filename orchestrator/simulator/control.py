"""The control plane on its own loopback port: what the orgs saw, their truth, scripted faults, the clock.

Nothing here counts as a login attempt or leaves a trace inside an org.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import control_changes
from orchestrator.simulator.fault_script import Fault
from orchestrator.simulator.http import Request, Response, json_response
from orchestrator.simulator.org import Org
from orchestrator.simulator.packages import listed
from orchestrator.simulator.truth import org_truth

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_REQUESTS_DEFAULT = 1000


def answer_control(sim: Simulator, request: Request) -> tuple[Response, float]:
    """Answer a control request (same shape as the router's answer)."""
    if not request.is_loopback_host:  # a page elsewhere must not reach it through a rebound name
        return _problem(403, "the control plane answers on loopback names only"), 0.0
    try:
        return _dispatch(sim, request), 0.0
    except (ValueError, TypeError, KeyError) as wrong:
        return _problem(400, str(wrong)), 0.0


def _dispatch(sim: Simulator, request: Request) -> Response:
    steps = [step for step in request.path.split("/") if step]
    if len(steps) == 2 and steps[0] == "orgs":  # noqa: PLR2004 - /orgs/ID
        return _one_org(sim, request, steps[1])
    route = _ROUTES.get((request.method, "/".join(steps)))
    if route is None:
        return _problem(404, f"no such route: {request.method} {request.path}")
    return route(sim, request)


def _index(sim: Simulator, request: Request) -> Response:
    del sim, request
    return json_response(200, {"routes": sorted({f"/{path}" for _, path in _ROUTES} | {"/orgs/ID"})})


def _forget_requests(sim: Simulator, request: Request) -> Response:
    del request
    for org in sim.touched_orgs():
        org.requests.clear()
    return Response(204)


def _list_faults(sim: Simulator, request: Request) -> Response:
    del request
    return json_response(200, {"faults": sim.faults.listed()})


def _forget_faults(sim: Simulator, request: Request) -> Response:
    del request
    sim.faults.clear()
    return Response(204)


def _list_orgs(sim: Simulator, request: Request) -> Response:
    del request
    return json_response(200, {"orgs": [_summary(sim, seed.org_id) for seed in sim.catalogue]})


def _clock(sim: Simulator, request: Request) -> Response:
    if request.method == "POST":
        sim.clock.advance(float(_body(request).get("advance_s", 0)))
    return json_response(200, {"now_s": sim.now_s(), "wall_s": sim.wall_s(), "speed": sim.clock.speed})


def _packages(sim: Simulator, request: Request) -> Response:
    """List what vendors published; POST publishes, and a vendor's new certificate holds in every org."""
    if request.method == "POST":
        package = sim.packages.publish(_body(request), sim.now_s())
        control_changes.renew_vendor_app(sim, package)
        return json_response(201, {"packages": listed(sim.packages, sim.now_s())})
    return json_response(200, {"packages": listed(sim.packages, sim.now_s())})


def find_org(sim: Simulator, key: str) -> Org | None:
    """Find an org by id (15 or 18), name in the orgs file, or host."""
    return (
        sim.org_by_name(key)
        or sim.org_by_host(key)
        or (sim.org_by_id(key) if key.startswith("00D") else None)
    )


def _requests(sim: Simulator, request: Request) -> Response:
    key = request.first("org")
    limit = int(request.first("limit", str(_REQUESTS_DEFAULT)))
    orgs: Iterable[Org] = sim.touched_orgs()
    if key:
        found = find_org(sim, key)
        if found is None:
            return _problem(404, f"no org {key}")
        orgs = [found]
    rows = [
        {"org": sim.seed_of(org).name, "org_id": org.id, **asdict(row)}
        for org in orgs
        for row in org.requests
    ]
    operation = request.first("operation")
    if operation:
        rows = [row for row in rows if row["operation"] == operation]
    rows.sort(key=lambda row: row["at_s"])
    return json_response(200, {"requests": rows[-limit:] if limit else rows, "total": len(rows)})


def _add_faults(sim: Simulator, request: Request) -> Response:
    document = json.loads(request.body or b"{}")
    documents = document if isinstance(document, list) else [document]
    added: list[Fault] = [sim.faults.add(dict(each)) for each in documents]
    return json_response(201, {"faults": [asdict(fault) for fault in added]})


def _one_org(sim: Simulator, request: Request, key: str) -> Response:
    org = find_org(sim, key)
    if org is None:
        return _problem(404, f"no org {key}")
    if request.method == "POST":
        control_changes.change_org(sim, org, _body(request))
    return json_response(200, org_truth(sim, org))


def _summary(sim: Simulator, org_id: str) -> dict[str, Any]:
    seed = sim.catalogue.by_id(org_id)
    assert seed is not None  # noqa: S101 - it comes from the catalogue
    return {
        "name": seed.name,
        "org_id": seed.org_id,
        "url": f"https://{seed.my_domain_host}",
        "profile": seed.profile.name,
        "username": seed.username,
        "integration_user": seed.integration_username,
    }


def _body(request: Request) -> dict[str, Any]:
    document = json.loads(request.body or b"{}")
    if not isinstance(document, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - the caller's text is wrong, not our types
    return document


def _problem(status: int, sentence: str) -> Response:
    return json_response(status, {"error": sentence})


_ROUTES: dict[tuple[str, str], Callable[[Simulator, Request], Response]] = {
    ("GET", ""): _index,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _forget_faults,
    ("GET", "packages"): _packages,
    ("POST", "packages"): _packages,
    ("GET", "orgs"): _list_orgs,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
}

ROUTES: dict[tuple[str, str], str] = {
    ("GET", ""): "the routes",
    ("GET", "orgs"): "every org: name, id, URL, profile, usernames",
    ("GET", "orgs/ID"): "the truth inside one org (by name, id or host); asking counts as no login",
    ("POST", "orgs/ID"): "changes facts of an org, as somebody in Setup would; answers the truth after",
    ("GET", "requests"): "what orgs saw; `?org=`, `?operation=`, `?limit=` (1000; 0 for all kept)",
    ("DELETE", "requests"): "forgets what was seen",
    ("GET", "faults"): "scripted faults with `seen` and `hits`",
    ("POST", "faults"): "scripts one fault or a list of them",
    ("DELETE", "faults"): "forgets scripted faults (facts they changed stay changed)",
    ("GET", "clock"): "org time, wall time, speed",
    ("POST", "clock"): 'moves org time forward: `{"advance_s": 60}`; the wall stays',
    ("GET", "packages"): "the packages that can be installed, with ids, apps and installation keys",
    ("POST", "packages"): "publishes as a vendor: a package, a version, an app's certificate",
}

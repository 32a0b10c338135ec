"""Facts a scenario gives its org beyond what the control plane offers: what other people did to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from scenario_world import World

from orchestrator.redaction import Secret
from orchestrator.salesforce.archive import zip_package
from orchestrator.salesforce.certificate import issue
from orchestrator.salesforce.client_app import ClientAppPlan, build_client_app
from orchestrator.salesforce.metadata import Metadata
from orchestrator.salesforce.package import Package, build_package
from orchestrator.salesforce.permission_sets import preauthorisation_set
from orchestrator.simulator import sessions
from orchestrator.simulator.login import LOGINS_PER_HOUR
from orchestrator.simulator.users import User

APP = "Orchestrator_JWT"
KEPT_KEY = "kept0consumer0key0of0the0first0run"
OUTSIDE = ("203.0.113.1", "203.0.113.9")


def newest_api_version(world: World, value: int) -> None:
    """The org is on an old release."""
    world.org.max_api_version = value


def oldest_api_version(world: World, value: int) -> None:
    """The org has retired its old versions."""
    world.org.min_api_version = value


def ip_ranges_exclude_us(world: World, username: str) -> None:
    """The profile of the user has login IP ranges, and this machine is outside."""
    profile = world.org.profiles[user_of(world, username).profile_id]
    profile.login_ip_ranges = [OUTSIDE]


def login_hours_closed(world: World, username: str) -> None:
    """The profile's login hours are over."""
    world.org.profiles[user_of(world, username).profile_id].login_hours_open = False


def login_rate_used_up(world: World, username: str) -> None:
    """Another client has logged the user in 3,600 times within the hour."""
    user_of(world, username).login_times_s = [world.sim.now_s()] * LOGINS_PER_HOUR


def locked_out(world: World, username: str) -> None:
    """Wrong passwords of somebody else have locked the user."""
    user_of(world, username).locked_until_s = world.sim.now_s() + 900.0


def role_lost(world: World, username: str) -> None:
    """The user is an administrator no more."""
    profile = world.org.profile_by_name("Standard User")
    assert profile is not None
    user_of(world, username).profile_id = profile.id


def calls_left(world: World, value: int) -> None:
    """The org's API requests of the day are almost used up."""
    world.org.api_calls = world.org.switches.daily_api_limit - value


def foreign_app(world: World, name: str) -> None:
    """Somebody made an app of that name by hand."""
    plant_app(world, name, "Made by hand", "0123456789abcdef")


def our_app(world: World, name: str) -> None:
    """An earlier run of this tool made the app; its certificate is lost, its key known."""
    plant_app(world, name, "Made by the orchestrator; left by an earlier run", KEPT_KEY)


def foreign_permission_set(world: World, name: str) -> None:
    """Somebody has a permission set of that name."""
    plant(world, build_package([preauthorisation_set(name, "Ours", "Something_Else")], 66))


def consumer_keys_taken(world: World, value: int) -> None:
    """The consumer keys of the next so many deploys are taken by apps of other orgs.

    Keys are random, so nobody can take one in advance: the deploys are watched for the key they bring.
    """
    plain, left = world.answerer_before, [value]

    def taking(request: Any) -> None:
        plain(request)
        if left[0] and world.seen[-1].operation == "deploy" and world.take_key_of_deploy(request.body):
            left[0] -= 1

    world.answerer_before = taking


def assignments_vanish(world: World, value: int) -> None:
    """Somebody's automation takes the next so many assignments of permission sets away at once."""
    plain, left = world.answerer_before, [value]

    def taking(request: Any) -> None:
        plain(request)
        before = world.seen[-2].operation if len(world.seen) > 1 else ""
        if left[0] and before == "permission_set_assignment_create":
            left[0] -= 1
            del world.org.assignments[next(reversed(world.org.assignments))]

    world.answerer_before = taking


def logouts_ignored(world: World, value: int) -> None:
    """The next so many sessions that are ended live on."""
    plain, left, living = world.answerer_before, [value], {}

    def reviving(request: Any) -> None:
        plain(request)
        world.org.sessions.update(living)
        living.clear()
        if left[0] and world.seen[-1].operation == "logout":
            left[0] -= 1
            living.update(world.org.sessions)

    world.answerer_before = reviving


def swap_certificate(world: World, value: bool) -> None:  # noqa: FBT001 - a fact that is stated
    """Somebody uploads another certificate between the deploy and the read-back."""
    if value:
        certificate = fresh_certificate(world)
        lines = "\n".join(certificate.splitlines()[1:-1])
        world.rewrites["read_metadata"] = [
            (r"<certificate>[^<]+</certificate>", f"<certificate>{lines}</certificate>")
        ]


def break_jwt_after(
    world: World,
    operation: str,
    *,
    code: str = "invalid_grant",
    message: str = "authentication failure",
    times: int = 0,
) -> None:
    """From the next such operation on, the token endpoint refuses the JWT (*times* times, 0 for good)."""
    plain, armed = world.answerer_before, [True]

    def breaking(request: Any) -> None:
        plain(request)
        if armed[0] and world.seen[-1].operation == operation:
            armed[0] = False
            world.fault(kind="error", operation="token", code=code, message=message, times=times)

    world.answerer_before = breaking


def user_of(world: World, username: str) -> User:
    found = world.org.user_by_name(username)
    assert found is not None, username
    return found


def plant_app(world: World, name: str, description: str, consumer_key: str) -> None:
    """Deploy an app as the second administrator, over the wire."""
    plant(world, build_package([preauthorisation_set(f"{name}_Access", f"{name} access", name)], 66))
    plan = ClientAppPlan(
        name=name,
        label=name,
        contact_email="someone@example.com",
        certificate_pem=fresh_certificate(world),
        permission_set=f"{name}_Access",
        description=description,
        consumer_key=consumer_key,
    )
    plant(world, build_client_app(plan, 66))


def fresh_certificate(world: World) -> str:
    """A certificate whose key nobody has."""
    now = dt.datetime.fromtimestamp(world.clock.now_s(), dt.UTC).replace(microsecond=0)
    ends = now + dt.timedelta(days=30)
    pair = issue(subject_common_name="planted", key_bits=2048, not_before=now, not_after=ends, serial=1)
    return pair.certificate_pem


def plant(world: World, package: Package) -> None:
    """Deploy a package as the second administrator and leave no trace in the history."""
    admin = user_of(world, world.seed.break_glass_username)
    session = sessions.open_session(world.sim, world.org, admin, origin="ui", login_type="Application")
    metadata = Metadata(
        world.app.network, f"https://{world.seed.my_domain_host}", Secret(session.token), "66.0"
    )
    request_id = metadata.deploy(zip_package(package))
    for _ in range(60):
        status = metadata.status(request_id)
        if status.done:
            assert status.success, status.failures
            break
        world.clock.advance(5.0)
    else:
        raise AssertionError("the planted deploy does not end")
    world.clock.advance(3600.0)  # settled on every node, and long ago
    sessions.close(world.org, session.token)
    world.forget_history()


FACTS: Mapping[str, Callable[[World, Any], None]] = {
    function.__name__: function
    for function in (
        newest_api_version,
        oldest_api_version,
        ip_ranges_exclude_us,
        login_hours_closed,
        login_rate_used_up,
        locked_out,
        role_lost,
        calls_left,
        foreign_app,
        our_app,
        foreign_permission_set,
        consumer_keys_taken,
        swap_certificate,
        assignments_vanish,
        logouts_ignored,
    )
}

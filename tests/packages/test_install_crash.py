"""Between the request and its answer anything may be lost; the org never gets a second install for it."""

from __future__ import annotations

import time

import pytest
from package_world import POST, PackageWorld, vendor_pair


def requests_made(world: PackageWorld) -> int:
    """How many installs the org has been asked for and has taken."""
    return len(world.org.install_requests)


@pytest.mark.parametrize("takes_s", [5, 900])
def test_a_lost_answer_is_found_again_among_the_orgs_requests(world, takes_s):
    world.publish(version="1.5", install_takes_s=takes_s)
    world.fault(kind="reset", operation=POST, when="after")
    finished = world.install("1.5")
    assert finished.record.result == "succeeded", finished.record.detail
    assert (requests_made(world), world.installed()) == (1, "1.5")


def test_a_new_process_finds_the_request_whose_answer_the_old_one_never_saw(world):
    world.publish(version="1.5", install_takes_s=900)
    world.fault(kind="reset", operation=POST, when="after")
    run = world.begin("1.5")
    engine = world.app.engine(lambda _event: None)
    while world.posts() == 0:
        record = engine.advance(run)
        world.clock.reach(record.not_before_s)
    world.new_home(world.app.configuration.home)
    finished = world.drive(run)
    assert finished.record.result == "succeeded", finished.record.detail
    assert requests_made(world) == 1


def test_after_a_lost_answer_an_older_failed_request_is_not_taken_for_it(world):
    world.fault(kind="row_lock", operation="install_package")
    world.fault(kind="reset", operation=POST, when="after", after=1)
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    assert requests_made(world) == 2  # one that failed, one that did not


def test_a_request_that_never_arrived_is_sent_again(world):
    world.fault(kind="reset", operation=POST, when="before")
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    assert requests_made(world) == 1


@pytest.mark.slow
def test_a_process_killed_while_the_request_is_under_way_leaves_one_install_behind(
    simulated, program, command
):
    orgs = simulated(speed=20)
    pair = vendor_pair()
    published = orgs.ask("/packages", {"namespace": "simconnect", "certificate": pair.certificate_pem})
    package = next(one for one in published["packages"] if one["namespace"] == "simconnect")
    version = next(one for one in package["versions"] if one["number"].startswith("1.3"))
    variables = {"VENDOR_KEY": pair.private_key_pem.reveal(), "VENDOR_CERTIFICATE": pair.certificate_pem}
    settings = {
        "package": version["id"],
        "namespace": "simconnect",
        "app_name": "Sim_Connector",
        "consumer_key": package["app"]["consumer_key"],
        "private_key": "env:VENDOR_KEY",
        "certificate": "env:VENDOR_CERTIFICATE",
    }
    given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    orgs.ask("/faults", {"kind": "slow", "operation": POST, "delay_s": 5})
    process = program("run", "managed-package", *orgs.options, *given, orgs=orgs, **variables)
    until_s = time.monotonic() + 50
    while POST not in orgs.operations():
        assert time.monotonic() < until_s
        assert process.poll() is None, process.communicate()
    process.kill()
    process.wait(10)
    done = command("resume", "--all", *orgs.connect_to, orgs=orgs, **variables)
    assert done.code == 0, done.out + done.err
    assert orgs.operations().count(POST) == 1
    trail = [row["action"] for row in orgs.truth()["setup_audit_trail"]]
    assert trail.count("packageInstalled") == 1

"""How a deployment passes its stages, waits its turn, is cancelled, and what archives it may be."""

from __future__ import annotations

import base64
import io
import tracemalloc
import zipfile

import pytest
from soap_wire import (
    Wire,
    X,
    app_files,
    envelope,
    fault_code,
    package,
    problems,
    root_of,
    text_of,
    texts_of,
)


@pytest.fixture
def wire():
    return Wire()


def deploy_bytes(wire: Wire, content: bytes | str, *, options: str = ""):
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    body = f"<deploy {X}><ZipFile>{text}</ZipFile><DeployOptions>{options}</DeployOptions></deploy>"
    return wire.metadata(body)


def stages(wire: Wire, deploy_id: str, version: int) -> list[str]:
    seen: list[str] = []
    for _ in range(200):
        response = wire.status(deploy_id, version)
        word = text_of(response, "status")
        if not seen or seen[-1] != word:
            seen.append(word)
        if text_of(response, "done") == "true":
            return seen
        wire.advance(0.05)
    raise AssertionError(seen)


@pytest.mark.parametrize(("version", "words"), [(63, ["Pending", "InProgress", "Succeeded"]),
    (66, ["Pending", "InProgress", "Finalizing", "Succeeded"])])  # fmt: skip
def test_the_stages_have_the_words_of_each_versions_schema(wire, version, words):
    begin = wire.wall_s
    assert stages(wire, text_of(wire.start(app_files(), version=version), "id"), version) == words
    assert 1.0 <= wire.wall_s - begin <= 4.1


def test_a_pending_answer_has_details_and_no_start(wire):
    response = wire.status(text_of(wire.start(app_files()), "id"))
    root = root_of(response)
    assert text_of(response, "status") == "Pending"
    assert root.find(".//{*}details/{*}runTestResult") is not None
    assert root.find(".//{*}startDate") is None


def test_numbers_of_files_and_bytes_come_with_v64(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    assert root_of(wire.settle(deploy_id, 63)).find(".//{*}zipSize") is None
    response = wire.settle(deploy_id, 66)
    assert text_of(response, "numberFiles") == "7"
    assert int(text_of(response, "zipSize")) > 1000


def test_one_deployment_runs_at_a_time(wire):
    first = text_of(wire.start(app_files()), "id")
    second = text_of(wire.start({"settings/OauthOidc.settings": f"<OauthOidcSettings {X}/>"}), "id")
    wire.advance(0.7)
    assert text_of(wire.status(first), "status") == "InProgress"
    assert text_of(wire.status(second), "status") == "Pending"
    wire.settle(first)
    assert text_of(wire.settle(second), "status") == "Succeeded"


def test_a_deployment_ends_by_the_clock_and_spreads_from_then_polled_or_not(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    begin_s = wire.sim.now_s()
    wire.advance(3600)
    wire.status(deploy_id)
    version = wire.org.apps["Acme_JWT"].versions[0]
    assert begin_s + 1.0 <= version.at_s <= begin_s + 4.1


def test_a_queued_deployment_is_cancelled_at_once_and_does_nothing(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    response = wire.metadata(f"<cancelDeploy {X}><String>{deploy_id}</String></cancelDeploy>")
    assert text_of(response, "done") == "true"
    last = wire.status(deploy_id)
    assert text_of(last, "status") == "Canceled"
    assert text_of(last, "canceledByName") == "Ada Admin"
    wire.advance(60)
    wire.status(deploy_id)
    assert not wire.org.apps


def test_a_running_deployment_passes_canceling_and_does_nothing(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    wire.advance(0.65)
    response = wire.metadata(f"<cancelDeploy {X}><id>{deploy_id}</id></cancelDeploy>")
    assert text_of(response, "done") == "false"
    assert stages(wire, deploy_id, 63) == ["Canceling", "Canceled"]
    assert not wire.org.apps


def test_a_finalizing_deployment_cannot_be_cancelled_since_v65(wire):
    deploy_id = text_of(wire.start(app_files(), version=66), "id")
    while text_of(wire.status(deploy_id, 66), "status") != "Finalizing":
        wire.advance(0.05)
    cancel = f"<cancelDeploy {X}><String>{deploy_id}</String></cancelDeploy>"
    assert fault_code(wire.metadata(cancel, 66)) == "INVALID_OPERATION"
    assert wire.metadata(cancel, 63).status == 200
    wire.settle(deploy_id)
    assert fault_code(wire.metadata(cancel)) == "INVALID_ID_FIELD"


def test_results_are_forgotten_after_thirty_days(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    wire.settle(deploy_id)
    wire.advance(31 * 86_400)
    wire.login()
    assert fault_code(wire.status(deploy_id)) == "INVALID_LOCATOR"


def test_finalizing_may_fail_when_scripted(wire):
    wire.sim.faults.add({"kind": "error", "operation": "finalize_deploy", "code": "UNKNOWN_EXCEPTION"})
    response = wire.settle(text_of(wire.start(app_files(), version=66), "id"), 66)
    assert text_of(response, "status") == "FinalizingFailed"
    assert text_of(response, "errorStatusCode") == "UNKNOWN_EXCEPTION"
    assert not wire.org.apps


def test_a_row_lock_fails_a_component_once_when_scripted(wire):
    wire.sim.faults.add({"kind": "row_lock", "operation": "run_deploy"})
    response = wire.deploy(app_files())
    assert text_of(response, "status") == "Failed"
    assert problems(response) == ["UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record"]
    assert not wire.org.apps
    assert text_of(wire.deploy(app_files()), "status") == "Succeeded"


@pytest.mark.parametrize(
    "options", ["<rollbackOnError>False</rollbackOnError>", "<testLevel>NoTestRun</testLevel>"]
)
def test_production_refuses_options_for_development(wire, options):
    assert fault_code(deploy_bytes(wire, package(app_files()), options=options)) == "INVALID_OPERATION"
    assert deploy_bytes(Wire("developer"), package(app_files()), options=options).status == 200


def test_a_validation_can_be_deployed_without_sending_it_again(wire):
    validated = text_of(wire.start(app_files(), options="<checkOnly>true</checkOnly>"), "id")
    wire.settle(validated)
    response = wire.metadata(
        f"<deployRecentValidation {X}><validationId>{validated}</validationId></deployRecentValidation>"
    )
    assert text_of(wire.settle(text_of(response, "result")), "status") == "Succeeded"
    assert "Acme_JWT" in wire.org.apps


def test_the_old_check_status_knows_deployments(wire):
    deploy_id = text_of(wire.start(app_files()), "id")
    ask = f"<checkStatus {X}><asyncProcessId>{deploy_id}</asyncProcessId></checkStatus>"
    assert text_of(wire.metadata(ask, checked=False), "state") == "InProgress"
    wire.settle(deploy_id)
    assert text_of(wire.metadata(ask, checked=False), "state") == "Completed"


# --- archives


@pytest.mark.parametrize("root", ["", "zip/", "unpackaged/", "shape/"])
def test_the_manifest_is_found_with_or_without_a_leading_folder(wire, root):
    response = wire.deploy(app_files(), root=root)
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert f"{root}externalClientApps/Acme_JWT.eca" in texts_of(response, "componentSuccesses/fileName")


def test_explicit_folder_entries_are_no_files(wire):
    stream = io.BytesIO(package(app_files(), root="zip/"))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("zip/", "")
        archive.writestr("zip/externalClientApps/", "")
    response = wire.settle(text_of(deploy_bytes(wire, stream.getvalue()), "id"))
    assert text_of(response, "status") == "Succeeded", problems(response)


def test_no_manifest_is_reported_as_recorded(wire):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("settings/OauthOidc.settings", f"<OauthOidcSettings {X}/>")
    response = wire.settle(text_of(deploy_bytes(wire, stream.getvalue()), "id"))
    assert text_of(response, "status") == "Failed"
    assert text_of(response, "numberComponentErrors") == "0"
    assert text_of(response, "numberComponentsTotal") == "0"
    assert problems(response) == ["No package.xml found"]
    assert texts_of(response, "componentFailures/fileName") == ["package.xml"]


def test_a_file_the_manifest_does_not_list_fails(wire):
    files = app_files() | {"package.xml": f"<Package {X}><version>63.0</version></Package>"}
    assert set(problems(wire.deploy(files))) == {"Not in package.xml"}


def test_a_member_without_a_file_fails_unless_files_may_be_missing(wire):
    listed = (
        f"<Package {X}><types><name>PermissionSet</name><members>Ghost</members></types><version>"
        "63.0</version></Package>"
    )
    assert "was not found in zipped directory" in problems(wire.deploy({"package.xml": listed}))[0]
    allowed = wire.deploy({"package.xml": listed}, options="<allowMissingFiles>true</allowMissingFiles>")
    assert text_of(allowed, "status") == "Succeeded"


@pytest.mark.parametrize(("manifest", "words"), [
    ("<Package", "Error parsing file"),
    (f"<Paket {X}/>", "expected Package"),
    (f"<Package {X}><version>99.0</version></Package>", "Invalid version"),
    (f"<Package {X}><version>new</version></Package>", "not a valid API version"),
    ((f"<Package {X}><types><members>A</members><name>Nope</name></types><version>63.0</version>"
     "</Package>"), "'Nope'"),
])  # fmt: skip
def test_a_broken_manifest_says_what_is_wrong(wire, manifest, words):
    response = wire.deploy({"package.xml": manifest})
    assert text_of(response, "status") == "Failed"
    assert words in problems(response)[0]


@pytest.mark.parametrize(
    "name", ["../evil.eca", "/etc/passwd", "C:/x.eca", "a\\b.eca", "a/../../b", "a//b", "./a"]
)
def test_hostile_names_fail_the_deployment_and_touch_nothing(wire, name):
    response = wire.deploy({name: "x"})
    assert text_of(response, "status") == "Failed"
    assert text_of(response, "errorStatusCode") == "UNKNOWN_EXCEPTION"
    assert "Invalid entry name" in text_of(response, "errorMessage")


def test_a_zip_bomb_is_refused_in_bounded_memory(wire):
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("package.xml", "w") as entry,
    ):
        for _ in range(200):
            entry.write(bytes(1024 * 1024))
    wire.login()
    tracemalloc.start()
    response = deploy_bytes(wire, stream.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fault_code(response) == "LIMIT_EXCEEDED"
    assert peak < 200 * 1024 * 1024


def test_too_many_files_are_refused(wire):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"a/{number}", "")
    assert fault_code(deploy_bytes(wire, stream.getvalue())) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 not really", b"plain text", package({})[:60]],
    ids=["empty", "only a signature", "text", "cut short"],
)
def test_what_is_no_zip_ends_as_a_failed_deployment(wire, content):
    response = wire.settle(text_of(deploy_bytes(wire, content), "id"))
    assert text_of(response, "status") == "Failed"
    assert "Not a valid zip file" in text_of(response, "errorMessage")


def test_a_zip_whose_base64_is_larger_than_ten_megabytes_is_taken(wire):
    filler = {"package.xml": f"<Package {X}><version>63.0</version></Package>"}
    stream = io.BytesIO(package(filler))
    with zipfile.ZipFile(stream, "a") as archive:
        for name in ("destructiveChangesPre.xml", "destructiveChangesPost.xml"):
            archive.writestr(name, f"<Package {X}/>" + " " * 6_000_000)
    response = wire.settle(text_of(deploy_bytes(wire, stream.getvalue()), "id"))
    assert text_of(response, "status") == "Succeeded", problems(response)


@pytest.mark.parametrize("text", ["!!!not base64!!!", "QUJD=QUJD", "äöü"])
def test_what_is_no_base64_is_a_fault(wire, text):
    assert fault_code(deploy_bytes(wire, text)) == "Client"


def test_a_doctype_inside_a_component_fails_that_component(wire):
    files = app_files()
    files["externalClientApps/Acme_JWT.eca"] = (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        f"<ExternalClientApplication {X}><label>&e;</label></ExternalClientApplication>"
    )
    response = wire.deploy(files)
    assert any("DOCTYPE is disallowed" in each for each in problems(response))


def test_options_in_any_order_with_careless_booleans_are_understood(wire):
    options = (
        "<rollbackOnError>True</rollbackOnError><runTests>None</runTests><checkOnly>True</checkOnly>"
        "<testLevel>None</testLevel><runAllTests>False</runAllTests><allowMissingFiles>None</allowMissingFiles>"
    )
    response = wire.deploy(app_files(), options=options)
    assert text_of(response, "status") == "Succeeded"
    assert text_of(response, "checkOnly") == "true"
    assert not wire.org.apps


def test_another_prefix_and_comments_change_nothing(wire):
    wire.login()
    header = f"<m:SessionHeader xmlns:m='http://soap.sforce.com/2006/04/metadata'><m:sessionId>{wire.session_id}</m:sessionId></m:SessionHeader>"
    body = (
        "<!-- hi --><m:deploy xmlns:m='http://soap.sforce.com/2006/04/metadata'><m:DeployOptions/><!-- x -->"
        f"<m:ZipFile>\n {base64.b64encode(package(app_files())).decode()}\n</m:ZipFile></m:deploy>"
    )
    response = wire.post("/services/Soap/m/63.0/", envelope(body, header))
    assert text_of(wire.settle(text_of(response, "id")), "status") == "Succeeded"

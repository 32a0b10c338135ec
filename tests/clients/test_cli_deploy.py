"""Salesforce CLI: deploys by SOAP and REST, from metadata and source format; retrieves, byte for byte."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from app_package import APP_TYPES, SOURCE_SUFFIX, app_files, write_package, write_project
from conftest import ALIAS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ORG = ("--target-org", ALIAS)
DEPLOY = ("project", "deploy", "start", "--wait", "3", *ORG)
RETRIEVE = ("project", "retrieve", "start", "--wait", "3", *ORG)


@pytest.fixture
def project(tmp_path) -> Path:
    return write_project(tmp_path / "project")


def names(messages: list[dict]) -> set[str]:
    return {each["fullName"] for each in messages}


def app_in(orgs, name: str) -> dict | None:
    return next((app for app in orgs.truth()["apps"] if app["name"] == name), None)


def wanted(name: str) -> list[str]:
    """Return the `--metadata` words for an app and its permission set."""
    members = ["", "_glbloauth", "_oauth", "_oauthPlcy", "_plcy"]
    types = ["ExternalClientApplication", "ExtlClntAppGlobalOauthSettings", "ExtlClntAppOauthSettings"]
    types += ["ExtlClntAppOauthConfigurablePolicies", "ExtlClntAppConfigurablePolicies"]
    assert set(types) == set(APP_TYPES)
    pairs = [f"{type_name}:{name}{member}" for type_name, member in zip(types, members, strict=True)]
    return [word for pair in [*pairs, f"PermissionSet:{name}_Access"] for word in ("--metadata", pair)]


@pytest.mark.parametrize(("name", "over_rest"), [("Soap_App", "false"), ("Rest_App", "true")])
def test_a_package_in_metadata_format_is_deployed(cli, project, name, over_rest):
    files = app_files(name)
    write_package(project / "mdapi", files)
    mark = len(cli.orgs.requests())
    result = cli.sf.done(
        *DEPLOY, "--metadata-dir", "mdapi", cwd=project, SF_ORG_METADATA_REST_DEPLOY=over_rest
    )
    assert (result["status"], result["success"], result["done"]) == ("Succeeded", True, True)
    assert (result["numberComponentsTotal"], result["numberComponentErrors"]) == (len(files), 0)
    assert {f"{name}_Access", name, f"{name}_plcy"} <= names(result["details"]["componentSuccesses"])
    assert result["details"]["componentFailures"] == []
    paths = {row["path"] for row in cli.orgs.requests()[mark:] if row["operation"] == "deploy"}
    assert paths == {
        "/services/data/v66.0/metadata/deployRequest" if over_rest == "true" else "/services/Soap/m/66.0"
    }
    app = app_in(cli.orgs, name)
    assert app is not None
    assert (app["admin_approved"], app["permission_sets"]) == (True, [f"{name}_Access"])


def test_what_is_deployed_in_metadata_format_is_retrieved_byte_for_byte(cli, project):
    files = app_files("Echo_App", key="ECHO" + "0123456789abcdef" * 3)
    write_package(project / "mdapi", files)
    cli.sf.done(*DEPLOY, "--metadata-dir", "mdapi", "--single-package", cwd=project)
    result = cli.sf.done(*RETRIEVE, "--target-metadata-dir", "out", *wanted("Echo_App"), cwd=project)
    assert (result["status"], result["messages"]) == ("Succeeded", [])
    with zipfile.ZipFile(io.BytesIO((project / "out" / "unpackaged.zip").read_bytes())) as found:
        back = {name.removeprefix("unpackaged/"): found.read(name).decode() for name in found.namelist()}
    assert "<members>Echo_App_glbloauth</members>" in back.pop("package.xml")
    assert back == files


def test_the_five_app_types_go_out_and_come_back_in_source_format(cli, tmp_path):
    files = app_files("Source_App", key="SOURCE" + "0123456789abcdef" * 3)
    project = write_project(tmp_path / "out", files)
    result = cli.sf.done(*DEPLOY, "--source-dir", "force-app", cwd=project)
    assert result["numberComponentsTotal"] == len(files)
    assert {each["type"] for each in result["files"]} == {*APP_TYPES, "PermissionSet"}
    assert {each["state"] for each in result["files"]} == {"Created"}
    assert app_in(cli.orgs, "Source_App") is not None
    empty = write_project(tmp_path / "back")
    result = cli.sf.done(*RETRIEVE, *wanted("Source_App"), cwd=empty)
    assert {each["type"] for each in result["files"]} == {*APP_TYPES, "PermissionSet"}
    root = empty / "force-app" / "main" / "default"
    back = {
        str(path.relative_to(root)).removesuffix(SOURCE_SUFFIX): path.read_bytes().decode()
        for path in root.rglob(f"*{SOURCE_SUFFIX}")
    }
    assert back == files


def test_validate_changes_nothing_and_report_tells_of_it_later(cli, project):
    write_package(project / "mdapi", app_files("Checked_App"))
    validated = cli.sf.done(
        *("project", "deploy", "validate", "--metadata-dir", "mdapi", "--wait", "3", *ORG),
        *("--test-level", "RunLocalTests"),
        cwd=project,
    )
    assert (validated["checkOnly"], validated["status"]) == (True, "Succeeded")
    assert app_in(cli.orgs, "Checked_App") is None
    report = cli.sf.done("project", "deploy", "report", "--job-id", validated["id"], *ORG, cwd=project)
    assert (report["id"], report["checkOnly"], report["status"]) == (validated["id"], True, "Succeeded")
    quick = cli.sf.done(
        "project", "deploy", "quick", "--job-id", validated["id"], "--wait", "3", *ORG, cwd=project
    )
    assert quick["status"] == "Succeeded"
    assert app_in(cli.orgs, "Checked_App") is not None


def test_a_started_deploy_is_cancelled(slow_cli, project):
    write_package(project / "mdapi", app_files("Stopped_App"))
    started = slow_cli.sf.done(
        *("project", "deploy", "start", "--metadata-dir", "mdapi", "--async", *ORG), cwd=project
    )
    assert started["done"] is False
    cancelled = slow_cli.sf.done(
        *("project", "deploy", "cancel", "--job-id", started["id"], "--async", *ORG), cwd=project
    )
    assert cancelled["id"] == started["id"]
    slow_cli.orgs.settle()
    report = slow_cli.sf.done("project", "deploy", "report", "--job-id", started["id"], *ORG, cwd=project)
    assert (report["status"], report["success"]) == ("Canceled", False)
    assert app_in(slow_cli.orgs, "Stopped_App") is None


@pytest.mark.parametrize("over_rest", ["false", "true"])
def test_a_deploy_that_fails_is_rendered_with_file_and_problem(cli, tmp_path, over_rest):
    files = app_files("Broken_App")
    path = "externalClientApps/Broken_App.eca"
    files[path] = files[path].replace("<contactEmail>ops@acme.example</contactEmail>", "")
    project = write_project(tmp_path / "project", files)
    refusal = cli.sf.refused(
        *DEPLOY, "--source-dir", "force-app", cwd=project, SF_ORG_METADATA_REST_DEPLOY=over_rest
    )
    result = refusal["result"]
    assert (result["status"], result["success"]) == ("Failed", False)
    failed = [each for each in result["files"] if each["state"] == "Failed"]
    told = {
        str(Path(each["filePath"]).relative_to(project)): each["error"]
        for each in failed
        if "filePath" in each
    }
    assert "Required field is missing: contactEmail" in told[f"force-app/main/default/{path}{SOURCE_SUFFIX}"]
    assert app_in(cli.orgs, "Broken_App") is None


def test_a_session_that_ends_while_it_polls_is_renewed(cli, project):
    write_package(project / "mdapi", app_files("Patient_App"))
    cli.orgs.fault(kind="expire_session", operation="check_deploy_status", org=cli.orgs.name)
    mark = len(cli.orgs.requests())
    result = cli.sf.done(*DEPLOY, "--metadata-dir", "mdapi", cwd=project)
    assert result["status"] == "Succeeded"
    rows = cli.orgs.requests()[mark:]
    seen = [row["code"] or row["operation"] for row in rows]
    assert seen[:2] == ["deploy", "INVALID_SESSION_ID"]
    assert "token" in seen
    assert seen.count("deploy") == 1


def test_an_unknown_job_is_refused_with_the_orgs_code(cli, project):
    refusal = cli.sf.refused(
        "project", "deploy", "report", "--job-id", "0Af000000000001AAA", *ORG, cwd=project
    )
    assert refusal["name"] in {"sf:INVALID_ID_FIELD", "sf:INVALID_CROSS_REFERENCE_KEY"}


def test_a_retrieve_of_what_is_not_there_is_a_warning(cli, project):
    result = cli.sf.done(*RETRIEVE, "--metadata", "ExternalClientApplication:Ghost", cwd=project)
    assert result["fileProperties"] == [] or "Ghost" not in {
        each["fullName"] for each in result["fileProperties"]
    }
    assert "cannot be found" in result["messages"][0]["problem"]


def test_what_the_org_lists_is_a_manifest_that_retrieves(cli, project):
    write_package(project / "mdapi", app_files("Listed_App"))
    cli.sf.done(*DEPLOY, "--metadata-dir", "mdapi", cwd=project)
    kinds = [word for kind in APP_TYPES for word in ("--metadata", kind)]
    cli.sf.done(
        *("project", "generate", "manifest", "--from-org", ALIAS, "--name", "all", *kinds), cwd=project
    )
    manifest = (project / "all.xml").read_text(encoding="utf-8")
    assert "<members>Listed_App_oauthPlcy</members>" in manifest
    result = cli.sf.done(*RETRIEVE, "--manifest", "all.xml", cwd=project)
    assert "Listed_App_oauthPlcy" in {each["fullName"] for each in result["files"]}


def test_an_app_is_deleted_by_destructive_changes(cli, tmp_path):
    project = write_project(tmp_path / "project", app_files("Doomed_App"))
    cli.sf.done(*DEPLOY, "--source-dir", "force-app", cwd=project)
    assert app_in(cli.orgs, "Doomed_App") is not None
    result = cli.sf.done(
        *("project", "delete", "source", "--metadata", "ExternalClientApplication:Doomed_App"),
        *("--no-prompt", *ORG),
        cwd=project,
    )
    deleted = [each["fullName"] for each in result["details"]["componentSuccesses"] if each["deleted"]]
    assert deleted == ["Doomed_App"]
    assert app_in(cli.orgs, "Doomed_App") is None
    assert not (
        project / "force-app/main/default/externalClientApps" / f"Doomed_App.eca{SOURCE_SUFFIX}"
    ).exists()

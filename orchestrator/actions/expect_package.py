"""Say what is to be installed, which app of it we hold the key of, and the link a person would follow."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.bootstrap import RUNGS
from orchestrator.actions.credential import org_host, read_record
from orchestrator.errors import UsageError
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.package_install import check_version_id, install_links

BY_RUN = "by_run"
BY_ADMIN = "by_admin"
WHO = (BY_RUN, BY_ADMIN)
_NAMESPACE = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,14}")
_APP_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,79}")


class ExpectPackage:
    """Checks everything the operator gave before anything is asked of the org.

    The app's consumer key and private key are the vendor's: they are the same in every org that installs the
    package. What is kept in the vault for another app of the same org is never replaced.
    """

    spec = ActionSpec(
        name="expect_package",
        summary="Check the package id, name the vendor's app, build the installation link.",
        faults=frozenset({"credential_of_other_app"}),
        parameters={
            "package": Parameter("string", required=True, description="package version, 04t…"),
            "namespace": Parameter("string", required=True, description="namespace of the package"),
            "app_name": Parameter("string", required=True, description="API name without namespace"),
            "app_kind": Parameter(
                "string", default="external_client_app", choices=("external_client_app", "connected_app")
            ),
            "consumer_key": Parameter("string", required=True, description="of the vendor's app"),
            "install": Parameter("string", default=BY_RUN, choices=WHO),
            "policies": Parameter("string", default=BY_RUN, choices=WHO),
            "ladder": Parameter("list", default=tuple(RUNGS), description="as `bootstrap` will be given"),
        },
        evidence=frozenset({"app", "package", "provisioned"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Nothing is changed, so nothing is remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `app` (as the subscriber sees it), `package` (what is wanted, links), `provisioned`."""
        version_id = check_version_id(str(ctx.parameters["package"]))
        namespace = _matching(_NAMESPACE, str(ctx.parameters["namespace"]), "namespace")
        name = _matching(_APP_NAME, str(ctx.parameters["app_name"]), "app_name")
        self._refuse_without_login(ctx)
        key = str(ctx.parameters["consumer_key"])
        other = self._other_app(ctx, key)
        if other is not None:
            return other
        full_name = f"{namespace}__{name}"
        links = install_links(org_host(ctx), version_id)
        works = bool((ctx.evidence.get("credential") or {}).get("works"))
        app = {"kind": ctx.parameters["app_kind"], "name": full_name, "consumer_key": key, "managed": True}
        wanted = {"version_id": version_id, "namespace": namespace, "links": links}
        return Done(
            evidence={
                "app": app,
                "package": wanted,
                "provisioned": ctx.evidence.get("provisioned", {}) if works else {},
            },
            detail=f"{version_id} of {namespace}, app {full_name}; by hand: {links['own_host']}",
        )

    def _refuse_without_login(self, ctx: RunContext) -> None:
        """A run that will need a session must not find out after days of waiting that it has none."""
        ours = [name for name in ("install", "policies") if ctx.parameters[name] == BY_RUN]
        ladder = [RUNGS[name] for name in ctx.parameters["ladder"] if name in RUNGS]
        if ours and not any(rung.is_offered(ctx) for rung in ladder):
            raise UsageError(
                f"org '{ctx.org['name']}' has no way to log in, and {' and '.join(ours)} is the run's to do",
                code="bootstrap_missing",
                remedy="give `username` and `password: env:NAME` in the orgs file, or "
                + " and ".join(f"--set {name}={BY_ADMIN}" for name in ours),
            )

    def _other_app(self, ctx: RunContext, key: str) -> Failed | None:
        record: dict[str, Any] | None = read_record(ctx)
        if record is None or record["app"]["consumer_key"] == key:
            return None
        if record["org_id"][:15] != str(ctx.found("org_id"))[:15]:
            return None  # of an org that had this name before
        name = record["app"]["name"]
        return Failed("credential_of_other_app", f"the vault holds the credential of app {name}")


def _matching(shape: re.Pattern[str], text: str, what: str) -> str:
    if shape.fullmatch(text) is None:
        raise UsageError(
            f"{what} {text[:80]!r} is no API name",
            code="input_invalid",
            remedy="a letter, then letters, digits and single underscores",
        )
    return text

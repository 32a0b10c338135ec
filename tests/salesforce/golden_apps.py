"""The packages whose bytes are kept in fixtures/golden; `python golden_apps.py` writes them anew."""

from __future__ import annotations

import sys
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden"
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from orchestrator.salesforce.client_app import (  # noqa: E402 - after the path
    ClientAppPlan,
    app_policy,
    build_client_app,
)
from orchestrator.salesforce.org_settings import (  # noqa: E402
    external_client_app_settings,
    oauth_oidc_settings,
    single_sign_on_settings,
)
from orchestrator.salesforce.package import build_package, destructive_package  # noqa: E402
from orchestrator.salesforce.permission_sets import (  # noqa: E402
    api_only_set,
    preauthorisation_set,
    setup_set,
    sso_set,
)

CERTIFICATE = (GOLDEN / "certificate.pem").read_text(encoding="ascii").strip()
VERSIONS = range(60, 69)


def plan(**changed):
    fields = {
        "name": "Acme_JWT",
        "label": "Acme JWT",
        "contact_email": "ops@acme.example",
        "certificate_pem": CERTIFICATE,
        "permission_set": "Acme_JWT_Access",
    }
    return ClientAppPlan(**(fields | changed))


def packages():
    """Every golden package by the name of its folder."""
    made = {
        f"external_client_app_v{version}_create": build_client_app(
            plan(consumer_key="ACMEa1b2c3d4e5f6"), version
        )
        for version in VERSIONS
    }
    made["external_client_app_v66_update"] = build_client_app(plan(), 66)
    made["external_client_app_v66_disabled"] = build_client_app(plan(enabled=False), 66)
    made["external_client_app_v66_policy"] = app_policy(plan(), 66)
    for version in (60, 64, 68):
        made[f"connected_app_v{version}_create"] = build_client_app(
            plan(kind="connected_app", consumer_key="ACMEa1b2c3d4e5f6"), version
        )
    made["connected_app_v64_update"] = build_client_app(plan(kind="connected_app"), 64)
    sets = [
        preauthorisation_set("Acme_JWT_Access", "Acme JWT Access", "Acme JWT"),
        setup_set("Acme_JWT_Setup", "Acme JWT Setup"),
        sso_set("Acme_JWT_Sso", "Acme JWT Single Sign-On"),
        api_only_set("Acme_JWT_Api_Only", "Acme JWT API Only"),
    ]
    made["permission_sets_v64"] = build_package(sets, 64)
    snapshot = {"blockOAuthUnPwFlow": False, "blockOAuthUsrAgtFlow": True, "isPkceRequired": False}
    sso = {"enableForceDelegatedCallout": False, "isLoginWithSalesforceCredentialsDisabled": False}
    settings = [
        oauth_oidc_settings(snapshot, 64, block_password_grant=True),
        single_sign_on_settings(sso, 64, disable_password_login=True),
        external_client_app_settings({}, 64, give_consumer_key=True),
    ]
    made["settings_v64"] = build_package(settings, 64)
    made["destructive_v64"] = destructive_package(
        {"PermissionSet": ["Acme_JWT_Setup", "Acme_JWT_Access"], "ExternalClientApplication": ["Acme_JWT"]},
        64,
    )
    return made


if __name__ == "__main__":
    for folder, package in packages().items():
        for path, content in package.files.items():
            target = GOLDEN / folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

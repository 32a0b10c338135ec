"""What a deployed app component does to the org's apps, and what an app looks like when read back.

Each function takes the component's effective tree and writes the facts of `ClientApp`; nothing is judged
here, that was done before. The reverse direction builds a tree from an app that no file ever described.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from orchestrator.simulator.certificates import normalised_pem
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.components import Tree
from orchestrator.simulator.org import Org

KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
SECRET_ALPHABET = "0123456789ABCDEF"  # noqa: S105 - the letters a consumer secret is made of
IP_RELAXATION = {
    "ENFORCE": "Enforce",
    "BYPASS": "Bypass",
    "BYPASS_2FACTOR": "Bypass_2factor",
    "ENFORCE_RELAXREFRESH": "Enforce_relaxrefresh",
}
REFRESH_POLICY = {"zero": "Zero", "infinite": "Infinite"}


def new_consumer_key(rng: random.Random) -> str:
    """Draw a consumer key as Salesforce makes them: 85 characters beginning ``3MVG9``."""
    return "3MVG9" + "".join(rng.choices(KEY_ALPHABET, k=80))


def new_consumer_secret(rng: random.Random) -> str:
    """Draw a consumer secret: 64 hexadecimal digits."""
    return "".join(rng.choices(SECRET_ALPHABET, k=64))


def is_on(tree: Tree, name: str) -> bool:
    """Tell whether a boolean field of a tree is true."""
    return tree.get(name) == "true"


def words_of(tree: Tree, name: str) -> list[str]:
    """Split a comma separated field into its words."""
    return [word.strip() for word in str(tree.get(name) or "").split(",") if word.strip()]


def listed(tree: Tree, name: str) -> list[str]:
    """Return the texts of a repeating field; an empty element means none."""
    return [each for each in tree.get(name, []) if each]


def callback_urls_of(tree: Tree) -> tuple[str, ...]:
    """Return the callback URLs, which one field holds line by line."""
    return tuple(line.strip() for line in str(tree.get("callbackUrl") or "").splitlines() if line.strip())


def apply_header(org: Org, app: ClientApp, tree: Tree) -> None:
    """ExternalClientApplication."""
    app.label = str(tree.get("label", ""))
    app.contact_email = str(tree.get("contactEmail", ""))
    app.description = str(tree.get("description", ""))
    app.distribution_state = str(tree.setdefault("distributionState", "Local"))
    tree["orgScopedExternalApp"] = f"{org.id}:{app.name}"


def apply_global_settings(org: Org, app: ClientApp, tree: Tree) -> None:
    """ExtlClntAppGlobalOauthSettings: callback, certificate, key, flows."""
    app.has_global_settings = True
    app.callback_urls = callback_urls_of(tree)
    _apply_credentials(org, app, tree)
    app.issues_jwt_tokens = is_on(tree, "isNamedUserJwtEnabled")
    app.pkce_required = is_on(tree, "isPkceRequired")
    app.secret_optional = is_on(tree, "isConsumerSecretOptional")
    app.secret_required_for_refresh = is_on(tree, "isSecretRequiredForRefreshToken")
    app.refresh_token_rotation = is_on(tree, "isRefreshTokenRotationEnabled")
    app.client_credentials_enabled = is_on(tree, "isClientCredentialsFlowEnabled")


def _apply_credentials(org: Org, app: ClientApp, tree: Tree) -> None:
    """Take the certificate (none given clears it) and the key and secret given, kept, rotated or drawn."""
    certificate = tree.get("certificate")
    app.certificate_pem = normalised_pem(certificate) if certificate else None
    given_key, given_secret = tree.get("consumerKey"), tree.pop("consumerSecret", None)
    if is_on(tree, "shouldRotateConsumerKey") or not (given_key or app.consumer_key):
        given_key = new_consumer_key(org.rng)
    if is_on(tree, "shouldRotateConsumerSecret") or not (given_secret or app.consumer_secret):
        given_secret = new_consumer_secret(org.rng)
    app.consumer_key = given_key or app.consumer_key
    app.consumer_secret = given_secret or app.consumer_secret
    tree["consumerKey"] = app.consumer_key
    for name in ("shouldRotateConsumerKey", "shouldRotateConsumerSecret"):
        if name in tree:
            tree[name] = "false"


def apply_oauth_settings(org: Org, app: ClientApp, tree: Tree) -> None:
    """ExtlClntAppOauthSettings: scopes and trusted addresses."""
    app.has_oauth_settings = True
    app.scopes = frozenset(words_of(tree, "commaSeparatedOauthScopes"))
    app.trusted_ip_ranges = tuple(
        (str(each.get("startIpAddress")), str(each.get("endIpAddress")))
        for each in tree.get("trustedIpRanges", [])
    )
    tree["oauthLink"] = f"{org.id}:{app.consumer_id}"


def apply_oauth_policy(org: Org, app: ClientApp, tree: Tree) -> None:
    """ExtlClntAppOauthConfigurablePolicies: who is pre-authorised; unlisted grants made by DML go."""
    del org
    app.has_oauth_policy = True
    app.admin_approved = (
        tree.setdefault("permittedUsersPolicyType", "AllSelfAuthorized") != "AllSelfAuthorized"
    )
    app.permission_set_names = frozenset(words_of(tree, "commaSeparatedPermissionSet"))
    app.profile_names = frozenset(words_of(tree, "commaSeparatedProfile"))
    app.ip_relaxation = str(tree.setdefault("ipRelaxationPolicyType", "Enforce"))
    app.refresh_token_policy = str(tree.setdefault("refreshTokenPolicyType", "Infinite"))
    if app.refresh_token_policy.startswith("Specific"):
        period, unit = tree.get("refreshTokenValidityPeriod"), tree.get("refreshTokenValidityUnit")
        app.refresh_token_policy += f":{period}:{unit}"
    app.session_timeout_minutes = int(tree.get("sessionTimeoutInMinutes") or 0)
    app.required_session_level = str(tree.get("requiredSessionLevel") or "")
    app.policy_action = str(tree.get("policyAction") or "")
    app.client_credentials_username = str(tree.get("clientCredentialsFlowUser") or "")


def apply_app_policy(org: Org, app: ClientApp, tree: Tree) -> None:
    """ExtlClntAppConfigurablePolicies: ``isEnabled`` is the kill switch."""
    del org
    app.has_app_policy = True
    app.enabled = is_on(tree, "isEnabled")
    app.oauth_plugin_enabled = is_on(tree, "isOauthPluginEnabled")
    app.start_url = str(tree.get("startUrl") or "")


def apply_connected_app(org: Org, app: ClientApp, tree: Tree) -> None:
    """ConnectedApp: everything in one file."""
    app.label, app.contact_email = str(tree.get("label", "")), str(tree.get("contactEmail", ""))
    app.description, app.start_url = str(tree.get("description", "")), str(tree.get("startUrl", ""))
    app.has_app_policy = True
    app.permission_set_names = frozenset(listed(tree, "permissionSetName"))
    app.profile_names = frozenset(listed(tree, "profileName"))
    app.trusted_ip_ranges = tuple(
        (str(each.get("start")), str(each.get("end"))) for each in tree.get("ipRanges", [])
    )
    oauth = tree.get("oauthConfig")
    if isinstance(oauth, dict):
        app.has_global_settings = app.has_oauth_settings = app.has_oauth_policy = True
        app.admin_approved = is_on(oauth, "isAdminApproved")
        if not app.namespace:  # key, certificate and scopes of a packaged app are its vendor's
            app.callback_urls = callback_urls_of(oauth)
            _apply_credentials(org, app, oauth)
            app.scopes = frozenset(listed(oauth, "scopes"))
        app.issues_jwt_tokens = is_on(oauth, "isNamedUserJwtEnabled")
        app.pkce_required = is_on(oauth, "isPkceRequired")
        app.secret_optional = is_on(oauth, "isConsumerSecretOptional")
        app.secret_required_for_refresh = is_on(oauth, "isSecretRequiredForRefreshToken")
        app.refresh_token_rotation = is_on(oauth, "isRefreshTokenRotationEnabled")
        app.client_credentials_enabled = is_on(oauth, "isClientCredentialEnabled")
        app.client_credentials_username = str(oauth.get("oauthClientCredentialUser") or "")
    policy = tree.get("oauthPolicy") or {}
    app.ip_relaxation = IP_RELAXATION.get(str(policy.get("ipRelaxation", "ENFORCE")), "Enforce")
    text = str(policy.get("refreshTokenPolicy", "infinite"))
    kind, colon, rest = text.partition(":")
    specific = "SpecificLifetime" if kind == "specific_lifetime" else "SpecificInactivity"
    app.refresh_token_policy = f"{specific}:{rest}" if colon else REFRESH_POLICY.get(text, "Infinite")
    session = tree.get("sessionPolicy") or {}
    app.session_timeout_minutes = int(session.get("sessionTimeout") or 0)
    app.required_session_level = str(session.get("sessionLevel") or "")
    app.policy_action = str(session.get("policyAction") or "")


def tree_of_connected_app(app: ClientApp) -> Tree:
    """Return the tree of a connected app that no file described (made in the user interface)."""
    oauth: Tree = {"callbackUrl": "\n".join(app.callback_urls), "consumerKey": app.consumer_key}
    if app.certificate_pem:
        oauth["certificate"] = app.certificate_pem
    oauth["isAdminApproved"] = "true" if app.admin_approved else "false"
    oauth["scopes"] = sorted(app.scopes)
    tree: Tree = {"contactEmail": app.contact_email, "label": app.label, "oauthConfig": oauth}
    tree["permissionSetName"] = sorted(app.permission_set_names)
    tree["profileName"] = sorted(app.profile_names)
    return tree


APPLY: dict[str, Callable[[Org, ClientApp, Tree], None]] = {
    "ExternalClientApplication": apply_header,
    "ExtlClntAppGlobalOauthSettings": apply_global_settings,
    "ExtlClntAppOauthSettings": apply_oauth_settings,
    "ExtlClntAppOauthConfigurablePolicies": apply_oauth_policy,
    "ExtlClntAppConfigurablePolicies": apply_app_policy,
    "ConnectedApp": apply_connected_app,
}

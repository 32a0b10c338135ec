"""What an org refuses about a component, beyond its schema: names, references, vocabularies, permissions.

Sources: the Metadata API guide's pages of each type, Salesforce's troubleshooting pages for the texts
"The consumer key is already taken." and "You can't create a connected app...", texts in public issues.
Where no text is known, Salesforce's usual phrase for that kind of refusal is used.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator

from orchestrator.simulator import package_effects
from orchestrator.simulator.app_effects import is_on, listed, words_of
from orchestrator.simulator.components import EXTERNAL_CLIENT_APP_SCOPE_WORDS, Problem
from orchestrator.simulator.permissions import known_permissions
from orchestrator.simulator.validation_parts import (
    CONNECTED_APP_IP_RELAXATION,
    CREATION_BLOCKED,
    MAX_IP_RANGES,
    POLICY_IP_RELAXATION,
    REFRESH_PATTERN,
    VENDORS_TYPES,
    Question,
    address_problems,
    app_name,
    callback_problems,
    certificate_problems,
    credential_problems,
    email_problems,
    execution_user_problems,
    grant_problems,
    missing,
    name_problems,
    required,
)

__all__ = ["Question", "judge", "missing"]


def judge(question: Question) -> list[Problem]:
    """Return everything the org refuses about a component, warnings included."""
    rule = RULES.get(question.draft.type_name)
    managed = list(_managed_problems(question))
    return managed or ([] if rule is None else list(rule(question)))


def _managed_problems(question: Question) -> Iterator[Problem]:
    """What a vendor packaged is the vendor's: only policies are the subscriber's."""
    app = question.org.apps.get(app_name(question))
    if app is None or not app.namespace or question.draft.type_name not in VENDORS_TYPES:
        return
    type_name, name = question.draft.type_name, question.draft.full_name
    yield Problem(
        f"Cannot modify managed object: entity={type_name}, component={app.app_id}, field={name}",
        status_code="CANNOT_MODIFY_MANAGED_OBJECT",
    )


def external_client_application(question: Question) -> Iterator[Problem]:
    """The header: contact, label, name; another org's ``orgScopedExternalApp`` is a dead reference."""
    tree, name, org = question.tree, question.draft.full_name, question.org
    yield from required(tree, "contactEmail", "label")
    yield from email_problems(tree)
    yield from name_problems("External Client App", name)
    if question.before is None and name in org.apps:
        text = f"duplicate value found: the name {name} already exists on a connected app"
        yield Problem(text, status_code="DUPLICATE_VALUE")
    if tree.get("distributionState") in {"Managed", "AutoInstalled"}:
        yield Problem("distributionState: only Local and Packaged can be set")
    scoped = tree.get("orgScopedExternalApp")
    if scoped:
        owner, _, app_name = scoped.partition(":")
        if owner[:15] != org.id15 or app_name != name:
            text = f"orgScopedExternalApp: invalid cross reference id {scoped}"
            yield Problem(text, status_code="INVALID_CROSS_REFERENCE_KEY")


def _parent_problems(question: Question) -> Iterator[Problem]:
    """A satellite needs its app, one of each kind per app, and cannot change it."""
    parent, draft = str(question.tree.get("externalClientApplication") or ""), question.draft
    app = question.org.apps.get(parent)
    if parent and (app is None or app.kind != "external_client_app"):
        yield missing("ExternalClientApplication", "externalClientApplication", parent)
    for (type_name, full_name), other in question.org.components.items():
        same_app = type_name == draft.type_name and other.tree.get("externalClientApplication") == parent
        if same_app and full_name != draft.full_name and not other.is_generated:
            text = f"duplicate value found: ExternalClientApplication duplicates value on record {full_name}"
            yield Problem(text, status_code="DUPLICATE_VALUE")
    before = question.before
    if before is not None and before.tree.get("externalClientApplication") != parent:
        yield Problem("externalClientApplication cannot be changed", status_code="FIELD_INTEGRITY_EXCEPTION")


def global_settings(question: Question) -> Iterator[Problem]:
    """Callback, label, certificate, key; asking for a rotation is a warning, and a warning is an error."""
    tree = question.tree
    yield from _parent_problems(question)
    yield from required(tree, "label")
    yield from callback_problems(tree)
    yield from certificate_problems(tree)
    yield from credential_problems(question, tree)
    for name, what in (("shouldRotateConsumerKey", "key"), ("shouldRotateConsumerSecret", "secret")):
        if is_on(tree, name):
            text = f"{name}: this deploy rotates the consumer {what}. Set ignoreWarnings to continue."
            yield Problem(text, is_warning=True)


def oauth_settings(question: Question) -> Iterator[Problem]:
    """Scope words as the metadata has them; another org's ``oauthLink`` is a dead reference."""
    tree, org = question.tree, question.org
    yield from _parent_problems(question)
    for word in words_of(tree, "commaSeparatedOauthScopes"):
        if word not in EXTERNAL_CLIENT_APP_SCOPE_WORDS:
            valid = ", ".join(sorted(EXTERNAL_CLIENT_APP_SCOPE_WORDS))
            yield Problem(f"Invalid OAuth scope: {word}. Valid scopes: {valid}")
    ranges = tree.get("trustedIpRanges", [])
    if len(ranges) > MAX_IP_RANGES:
        yield Problem(f"trustedIpRanges: at most {MAX_IP_RANGES} are allowed", status_code="LIMIT_EXCEEDED")
    yield from address_problems(ranges, "startIpAddress", "endIpAddress")
    link = tree.get("oauthLink")
    app = org.apps.get(str(tree.get("externalClientApplication")))
    if link:
        owner, _, consumer_id = link.partition(":")
        if owner[:15] != org.id15 or app is None or consumer_id[:15] != app.consumer_id[:15]:
            text = f"oauthLink: invalid cross reference id {link}"
            yield Problem(text, status_code="INVALID_CROSS_REFERENCE_KEY")


def oauth_policy(question: Question) -> Iterator[Problem]:
    """Pre-authorisation by API names; IP relaxation and refresh policy by the words orgs list."""
    tree, org = question.tree, question.org
    yield from _parent_problems(question)
    sets, profiles = words_of(tree, "commaSeparatedPermissionSet"), words_of(tree, "commaSeparatedProfile")
    yield from grant_problems(org, sets, profiles, ("commaSeparatedPermissionSet", "commaSeparatedProfile"))
    relaxation = tree.get("ipRelaxationPolicyType")
    if relaxation and relaxation not in POLICY_IP_RELAXATION:
        yield Problem(f"ipRelaxationPolicyType: {relaxation} is not one of {', '.join(POLICY_IP_RELAXATION)}")
    if str(tree.get("refreshTokenPolicyType", "")).startswith("Specific"):
        yield from required(tree, "refreshTokenValidityPeriod", "refreshTokenValidityUnit")
    username = tree.get("clientCredentialsFlowUser")
    is_required = is_on(tree, "isClientCredentialsFlowEnabled")
    yield from execution_user_problems(question, username, is_required=is_required)


def app_policy(question: Question) -> Iterator[Problem]:
    """The app-wide policy only needs its app."""
    yield from _parent_problems(question)


def connected_app(question: Question) -> Iterator[Problem]:
    """One file; creating one is blocked in most orgs since Spring '26, editing is not."""
    tree, org, name = question.tree, question.org, question.draft.full_name
    existing = org.apps.get(name)
    if existing is None and not org.switches.connected_app_creation_allowed:
        yield Problem(CREATION_BLOCKED, status_code="INSUFFICIENT_ACCESS")
    if existing is not None and existing.kind != "connected_app":
        text = f"duplicate value found: the name {name} already exists on an external client app"
        yield Problem(text, status_code="DUPLICATE_VALUE")
    if existing is None or not existing.namespace:
        yield from name_problems("Connected App", name)
    yield from email_problems(tree)
    sets, profiles = listed(tree, "permissionSetName"), listed(tree, "profileName")
    yield from grant_problems(org, sets, profiles, ("permissionSetName", "profileName"))
    yield from address_problems(tree.get("ipRanges", []), "start", "end")
    oauth = tree.get("oauthConfig")
    if isinstance(oauth, dict):
        yield from callback_problems({"callbackUrl": oauth.get("callbackUrl") or " "})
        yield from certificate_problems(oauth)
        if existing is None or not existing.namespace:
            yield from credential_problems(question, oauth)
        if not listed(oauth, "scopes"):
            yield Problem("You must select at least one OAuth scope.")
        username = oauth.get("oauthClientCredentialUser")
        is_required = is_on(oauth, "isClientCredentialEnabled")
        yield from execution_user_problems(question, username, is_required=is_required)
    if (sets or profiles) and not is_on(oauth or {}, "isAdminApproved"):
        yield Problem("permissionSetName and profileName need isAdminApproved to be true")
    policy = tree.get("oauthPolicy") or {}
    if policy and policy.get("ipRelaxation") not in CONNECTED_APP_IP_RELAXATION:
        yield Problem(f"ipRelaxation: not one of {', '.join(CONNECTED_APP_IP_RELAXATION)}")
    if policy and not REFRESH_PATTERN.fullmatch(str(policy.get("refreshTokenPolicy"))):
        yield Problem("refreshTokenPolicy: invalid value")


def _permission_problems(question: Question) -> Iterator[Problem]:
    known = known_permissions(sso_permission_exists=question.org.switches.sso_permission_exists)
    for each in question.tree.get("userPermissions", []):
        if each.get("name") not in known:
            yield Problem(f"Unknown user permission: {each.get('name')}")


def permission_set(question: Question) -> Iterator[Problem]:
    """Known permissions, a licence the org has."""
    yield from name_problems("Permission Set", question.draft.full_name)
    yield from _permission_problems(question)
    wanted, org = question.tree.get("license"), question.org
    names = {each.name for each in [*org.licenses.values(), *org.permission_set_licenses.values()]}
    if wanted and wanted not in names | {each.key for each in org.permission_set_licenses.values()}:
        yield missing("License", "license", wanted)


def profile(question: Question) -> Iterator[Problem]:
    """Known permissions, address ranges that are ranges, a licence for a new one."""
    tree, org = question.tree, question.org
    yield from _permission_problems(question)
    yield from address_problems(tree.get("loginIpRanges", []), "startAddress", "endAddress")
    if org.profile_by_name(question.draft.full_name) is None:
        wanted = tree.get("userLicense")
        if not wanted or wanted not in {each.name for each in org.licenses.values()}:
            yield missing("UserLicense", "userLicense", str(wanted))


def installed_package(question: Question) -> Iterator[Problem]:
    """A first-generation package by namespace (the file's name) and version number ``a.b`` or ``a.b.c``."""
    number, tree = str(question.tree.get("versionNumber")), question.tree
    if not re.fullmatch(r"\d{1,5}(\.\d{1,5}){1,3}", number):
        yield Problem("Invalid version number")
        return
    found = question.sim.packages.find_numbered(question.draft.full_name, number)
    if found is None:
        yield Problem(f"InstalledPackage version number : {number} does not exist!")
        return
    key = found[1].installation_key
    given = str(tree.get("password") or "")
    matches = not key or hmac.compare_digest(given.encode(), key.encode())
    refusal = package_effects.refusal(question.org, *found, key_matches=matches, now_s=question.sim.now_s())
    if refusal:
        yield Problem(refusal)


RULES: dict[str, Callable[[Question], Iterator[Problem]]] = {
    "ExternalClientApplication": external_client_application,
    "ExtlClntAppGlobalOauthSettings": global_settings,
    "ExtlClntAppOauthSettings": oauth_settings,
    "ExtlClntAppOauthConfigurablePolicies": oauth_policy,
    "ExtlClntAppConfigurablePolicies": app_policy,
    "ConnectedApp": connected_app,
    "PermissionSet": permission_set,
    "Profile": profile,
    "InstalledPackage": installed_package,
}

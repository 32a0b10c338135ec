"""What an org refuses about a component, beyond its schema: names, references, vocabularies, permissions.

Sources: the Metadata API guide's pages of each type, Salesforce's troubleshooting pages for the texts
"The consumer key is already taken." and "You can't create a connected app...", texts in public issues.
Where no text is known, Salesforce's usual phrase for that kind of refusal is used.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from orchestrator.simulator.app_effects import callback_urls_of, is_on, listed, words_of
from orchestrator.simulator.certificates import refusal_of
from orchestrator.simulator.components import EXTERNAL_CLIENT_APP_SCOPE_WORDS, Component, Draft, Problem, Tree
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import known_permissions
from orchestrator.simulator.simulation import Simulator

CREATION_BLOCKED = (
    "You can't create a connected app. To enable connected app creation, contact Salesforce Customer Support."
)
KEY_TAKEN = "The consumer key is already taken."
KEY_ON_UPDATE = "You cannot provide a Consumer Key"
NO_EXECUTION_USER = "Enter a valid execution user for the OAuth client credentials flow."
NAME_RULE = (
    "can only contain underscores and alphanumeric characters. It must be unique, begin with a letter, not "
    "include spaces, not end with an underscore, and not contain two consecutive underscores."
)
NAME_PATTERN = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
KEY_PATTERN = re.compile(r"[A-Za-z0-9._]{8,256}")
SECRET_PATTERN = re.compile(r"[A-Za-z0-9]{8,256}")
EMAIL_PATTERN = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL_PATTERN = re.compile(r"(?!http://(?!localhost\b|127\.0\.0\.1\b))[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
REFRESH_PATTERN = re.compile(r"zero|infinite|specific_(?:lifetime|inactivity):\d{1,4}:(?:HOURS|DAYS|MONTHS)")
CONNECTED_APP_IP_RELAXATION = ("ENFORCE", "BYPASS_2FACTOR", "BYPASS", "ENFORCE_RELAXREFRESH")
POLICY_IP_RELAXATION = ("Enforce", "Bypass", "Bypass_2factor", "Enforce_relaxrefresh")
MAX_NAME_CHARACTERS = 80
MAX_IP_RANGES = 128


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule looks at.

    Attributes:
        sim: the simulation; consumer keys are unique across all its orgs.
        org: the org as the deployment has it so far.
        draft: the component sent.
        before: the component it replaces, or None on create.
        ignore_warnings: whether warnings are no errors.
    """

    sim: Simulator
    org: Org
    draft: Draft
    before: Component | None
    ignore_warnings: bool

    @property
    def tree(self) -> Tree:
        """The fields sent."""
        return self.draft.tree


def judge(question: Question) -> list[Problem]:
    """Return everything the org refuses about a component, warnings included."""
    rule = RULES.get(question.draft.type_name)
    return [] if rule is None else list(rule(question))


def missing(kind: str, where: str, name: str) -> Problem:
    """Return the refusal of a reference to something that is not there."""
    text = f"In field: {where} - no {kind} named {name} found"
    return Problem(text, status_code="INVALID_CROSS_REFERENCE_KEY")


def required(tree: Tree, *names: str) -> Iterator[Problem]:
    """Yield a refusal for each field left empty."""
    for name in names:
        if not tree.get(name):
            yield Problem(f"Required field is missing: {name}", status_code="REQUIRED_FIELD_MISSING")


def _name_problems(kind: str, name: str) -> Iterator[Problem]:
    if len(name) > MAX_NAME_CHARACTERS or not NAME_PATTERN.fullmatch(name):
        yield Problem(f"The {kind} API Name {NAME_RULE}")


def _email_problems(tree: Tree) -> Iterator[Problem]:
    email = str(tree.get("contactEmail") or "")
    if email and not EMAIL_PATTERN.fullmatch(email):
        yield Problem(f"Contact Email: invalid email address: {email}", status_code="INVALID_EMAIL_ADDRESS")


def _callback_problems(tree: Tree) -> Iterator[Problem]:
    yield from required(tree, "callbackUrl")
    for url in callback_urls_of(tree):
        if not URL_PATTERN.fullmatch(url):
            yield Problem(f"Callback URL: {url} is not a valid callback URL. Use https or a custom scheme.")


def _certificate_problems(tree: Tree) -> Iterator[Problem]:
    certificate = tree.get("certificate")
    if certificate and (text := refusal_of(certificate)):
        yield Problem(text)


def _credential_problems(question: Question, tree: Tree) -> Iterator[Problem]:
    """The deployer may choose key and secret on create, once, and never again."""
    key, secret = tree.get("consumerKey"), tree.get("consumerSecret")
    existing = question.org.apps.get(_app_name(question))
    has_key = existing is not None and bool(existing.consumer_key)
    if key and has_key:
        yield Problem(KEY_ON_UPDATE)
    elif key:
        if not KEY_PATTERN.fullmatch(key):
            yield Problem("Consumer Key: must be alphanumeric, without spaces, 8 to 256 characters")
        others = [each for each in question.sim.touched_orgs() if each.id != question.org.id]
        if any(org.app_by_key(key) for org in [*others, question.org]):
            yield Problem(KEY_TAKEN, status_code="DUPLICATE_VALUE")
    if secret and has_key:
        yield Problem("You cannot provide a Consumer Secret")
    elif secret and not SECRET_PATTERN.fullmatch(secret):
        yield Problem("Consumer Secret: must be alphanumeric, without spaces, 8 to 256 characters")


def _app_name(question: Question) -> str:
    return str(question.tree.get("externalClientApplication") or question.draft.full_name)


def _grant_problems(
    org: Org, sets: Iterable[str], profiles: Iterable[str], where: tuple[str, str]
) -> Iterator[Problem]:
    for name in sets:
        found = org.permission_set_by_name(name)
        if found is None or found.is_owned_by_profile:
            yield missing("PermissionSet", where[0], name)
    for name in profiles:
        if org.profile_by_name(name) is None:
            yield missing("Profile", where[1], name)


def _address_problems(ranges: Iterable[Tree], start: str, end: str) -> Iterator[Problem]:
    for each in ranges:
        try:
            low, high = (ipaddress.ip_address(str(each.get(name))) for name in (start, end))
        except ValueError:
            yield Problem("The IP address is not valid.")
            continue
        if low.version != high.version or int(low) > int(high):
            yield Problem("The end IP address must be greater than or equal to the start IP address.")


def _execution_user_problems(
    question: Question, username: str | None, *, is_required: bool
) -> Iterator[Problem]:
    user = question.org.user_by_name(username) if username else None
    if (username or is_required) and (user is None or not user.is_active):
        yield Problem(NO_EXECUTION_USER)


def external_client_application(question: Question) -> Iterator[Problem]:
    """The header: contact, label, name; another org's ``orgScopedExternalApp`` is a dead reference."""
    tree, name, org = question.tree, question.draft.full_name, question.org
    yield from required(tree, "contactEmail", "label")
    yield from _email_problems(tree)
    yield from _name_problems("External Client App", name)
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
    yield from _callback_problems(tree)
    yield from _certificate_problems(tree)
    yield from _credential_problems(question, tree)
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
    yield from _address_problems(ranges, "startIpAddress", "endIpAddress")
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
    yield from _grant_problems(org, sets, profiles, ("commaSeparatedPermissionSet", "commaSeparatedProfile"))
    relaxation = tree.get("ipRelaxationPolicyType")
    if relaxation and relaxation not in POLICY_IP_RELAXATION:
        yield Problem(f"ipRelaxationPolicyType: {relaxation} is not one of {', '.join(POLICY_IP_RELAXATION)}")
    if str(tree.get("refreshTokenPolicyType", "")).startswith("Specific"):
        yield from required(tree, "refreshTokenValidityPeriod", "refreshTokenValidityUnit")
    username = tree.get("clientCredentialsFlowUser")
    is_required = is_on(tree, "isClientCredentialsFlowEnabled")
    yield from _execution_user_problems(question, username, is_required=is_required)


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
    yield from _name_problems("Connected App", name)
    yield from _email_problems(tree)
    sets, profiles = listed(tree, "permissionSetName"), listed(tree, "profileName")
    yield from _grant_problems(org, sets, profiles, ("permissionSetName", "profileName"))
    yield from _address_problems(tree.get("ipRanges", []), "start", "end")
    oauth = tree.get("oauthConfig")
    if isinstance(oauth, dict):
        yield from _callback_problems({"callbackUrl": oauth.get("callbackUrl") or " "})
        yield from _certificate_problems(oauth)
        yield from _credential_problems(question, oauth)
        if not listed(oauth, "scopes"):
            yield Problem("You must select at least one OAuth scope.")
        username = oauth.get("oauthClientCredentialUser")
        is_required = is_on(oauth, "isClientCredentialEnabled")
        yield from _execution_user_problems(question, username, is_required=is_required)
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
    yield from _name_problems("Permission Set", question.draft.full_name)
    yield from _permission_problems(question)
    wanted, org = question.tree.get("license"), question.org
    names = {each.name for each in [*org.licenses.values(), *org.permission_set_licenses.values()]}
    if wanted and wanted not in names | {each.key for each in org.permission_set_licenses.values()}:
        yield missing("License", "license", wanted)


def profile(question: Question) -> Iterator[Problem]:
    """Known permissions, address ranges that are ranges, a licence for a new one."""
    tree, org = question.tree, question.org
    yield from _permission_problems(question)
    yield from _address_problems(tree.get("loginIpRanges", []), "startAddress", "endAddress")
    if org.profile_by_name(question.draft.full_name) is None:
        wanted = tree.get("userLicense")
        if not wanted or wanted not in {each.name for each in org.licenses.values()}:
            yield missing("UserLicense", "userLicense", str(wanted))


def installed_package(question: Question) -> Iterator[Problem]:
    """A first-generation package by version number ``a.b`` or ``a.b.c``."""
    if not re.fullmatch(r"\d+(\.\d+){1,3}", str(question.tree.get("versionNumber"))):
        yield Problem("Invalid version number")


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

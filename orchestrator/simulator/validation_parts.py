"""What the rules about components share: the question asked, texts, checks of single values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.simulator.app_effects import callback_urls_of
from orchestrator.simulator.certificates import refusal_of
from orchestrator.simulator.components import Component, Draft, Problem, Tree
from orchestrator.simulator.org import Org
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
VENDORS_TYPES = frozenset(
    {"ExternalClientApplication", "ExtlClntAppGlobalOauthSettings", "ExtlClntAppOauthSettings"}
)
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


def missing(kind: str, where: str, name: str) -> Problem:
    """Return the refusal of a reference to something that is not there."""
    text = f"In field: {where} - no {kind} named {name} found"
    return Problem(text, status_code="INVALID_CROSS_REFERENCE_KEY")


def required(tree: Tree, *names: str) -> Iterator[Problem]:
    """Yield a refusal for each field left empty."""
    for name in names:
        if not tree.get(name):
            yield Problem(f"Required field is missing: {name}", status_code="REQUIRED_FIELD_MISSING")


def name_problems(kind: str, name: str) -> Iterator[Problem]:
    """Yield the refusal of an API name that breaks the rule."""
    if len(name) > MAX_NAME_CHARACTERS or not NAME_PATTERN.fullmatch(name):
        yield Problem(f"The {kind} API Name {NAME_RULE}")


def email_problems(tree: Tree) -> Iterator[Problem]:
    """Yield the refusal of a contact address that is none."""
    email = str(tree.get("contactEmail") or "")
    if email and not EMAIL_PATTERN.fullmatch(email):
        yield Problem(f"Contact Email: invalid email address: {email}", status_code="INVALID_EMAIL_ADDRESS")


def callback_problems(tree: Tree) -> Iterator[Problem]:
    """Yield the refusal of callback URLs that are missing or not URLs."""
    yield from required(tree, "callbackUrl")
    for url in callback_urls_of(tree):
        if not URL_PATTERN.fullmatch(url):
            yield Problem(f"Callback URL: {url} is not a valid callback URL. Use https or a custom scheme.")


def certificate_problems(tree: Tree) -> Iterator[Problem]:
    """Yield why a certificate cannot be uploaded."""
    certificate = tree.get("certificate")
    if certificate and (text := refusal_of(certificate)):
        yield Problem(text)


def credential_problems(question: Question, tree: Tree) -> Iterator[Problem]:
    """The deployer may choose key and secret on create, once, and never again."""
    key, secret = tree.get("consumerKey"), tree.get("consumerSecret")
    existing = question.org.apps.get(app_name(question))
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


def app_name(question: Question) -> str:
    """Return the name of the app a component belongs to."""
    return str(question.tree.get("externalClientApplication") or question.draft.full_name)


def grant_problems(
    org: Org, sets: Iterable[str], profiles: Iterable[str], where: tuple[str, str]
) -> Iterator[Problem]:
    """Yield the refusal of permission sets and profiles that do not exist."""
    for name in sets:
        found = org.permission_set_by_name(name)
        if found is None or found.is_owned_by_profile:
            yield missing("PermissionSet", where[0], name)
    for name in profiles:
        if org.profile_by_name(name) is None:
            yield missing("Profile", where[1], name)


def address_problems(ranges: Iterable[Tree], start: str, end: str) -> Iterator[Problem]:
    """Yield the refusal of address ranges that are none."""
    for each in ranges:
        try:
            low, high = (ipaddress.ip_address(str(each.get(name))) for name in (start, end))
        except ValueError:
            yield Problem("The IP address is not valid.")
            continue
        if low.version != high.version or int(low) > int(high):
            yield Problem("The end IP address must be greater than or equal to the start IP address.")


def execution_user_problems(
    question: Question, username: str | None, *, is_required: bool
) -> Iterator[Problem]:
    """Yield the refusal of a run-as user who cannot be one."""
    user = question.org.user_by_name(username) if username else None
    if (username or is_required) and (user is None or not user.is_active):
        yield Problem(NO_EXECUTION_USER)

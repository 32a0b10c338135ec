"""The packages that exist in a simulation: what vendors published, whoever installs them.

Ids follow from the seed. A vendor's app keeps its consumer key and its certificate in the vendor's own org
(global OAuth settings are not packaged), so both are facts of the catalogue and the same in every org.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.simulator.app_effects import new_consumer_key
from orchestrator.simulator.catalogue import random_token
from orchestrator.simulator.certificates import normalised_pem, refusal_of
from orchestrator.simulator.client_app import AppKind
from orchestrator.simulator.ids import base62, make_id

VersionNumber = tuple[int, int, int, int]


@dataclass(slots=True)
class PackagedApp:
    """The OAuth app a package carries."""

    kind: AppKind
    name: str
    label: str
    consumer_key: str
    certificate_pem: str | None = None
    scopes: frozenset[str] = frozenset({"Api", "RefreshToken"})
    admin_approved: bool = False
    is_enabled: bool = True


@dataclass(slots=True)
class PackageVersion:
    """One uploaded version; `available_from_s` is org time, before which it has not reached the org.

    `install_takes_s` is how long an install works (None: a few seconds), `depends_on` the namespace of a
    package that must be there first.
    """

    id: str
    number: VersionNumber
    installation_key: str = field(default="", repr=False)
    is_beta: bool = False
    available_from_s: float = 0.0
    install_takes_s: float | None = None
    depends_on: str = ""

    @property
    def text(self) -> str:
        """The version number as an InstalledPackage file writes it: `1.2`, `1.2.1`."""
        major, minor, patch, _ = self.number
        return f"{major}.{minor}" + (f".{patch}" if patch else "")


@dataclass(slots=True)
class Package:
    """A managed package: `generation` is 1 (InstalledPackage metadata installs it too) or 2."""

    id: str
    name: str
    namespace: str
    generation: int
    app: PackagedApp | None = None
    versions: list[PackageVersion] = field(default_factory=list)

    @property
    def app_full_name(self) -> str:
        """The name its app has in a subscriber's org."""
        return f"{self.namespace}__{self.app.name}" if self.app else ""


class PackageCatalogue:
    """Finds packages by version id, namespace or consumer key."""

    def __init__(self, seed: str) -> None:
        self._rng = random.Random(f"{seed}/packages")
        self._tag = base62(self._rng.getrandbits(28), 5)[-5:]
        self._next_number = 1
        self._packages: list[Package] = list(self._standard())

    def __iter__(self) -> Iterator[Package]:
        return iter(self._packages)

    def find_version(self, version_id: str) -> tuple[Package, PackageVersion] | None:
        """Find a version by its 04t id of 15 or 18 characters."""
        wanted = version_id[:15]
        return next(
            ((each, found) for each in self for found in each.versions if found.id[:15] == wanted), None
        )

    def find_numbered(self, namespace: str, number: str) -> tuple[Package, PackageVersion] | None:
        """Find a first-generation version by namespace and number (`1.2`, `1.2.0`, `1.2.0.1`)."""
        wanted = tuple(int(part) for part in number.split("."))
        for package in self:
            if package.namespace.lower() != namespace.lower() or package.generation != 1:
                continue
            for version in package.versions:
                if version.number[: len(wanted)] == wanted and not any(version.number[len(wanted) : 3]):
                    return package, version
        return None

    def app_by_key(self, consumer_key: str) -> PackagedApp | None:
        """Find the packaged app under a consumer key, installed anywhere or not."""
        apps = (package.app for package in self if package.app)
        return next((app for app in apps if consumer_key and app.consumer_key == consumer_key), None)

    def publish(self, document: dict[str, Any], now_s: float) -> Package:
        """Do what a vendor does: make a package or give one a version, an app, a certificate.

        Keys: `namespace` (finds or makes the package), `name`, `generation`, `version` (`1.3` or `1.3.0.1`),
        `installation_key`, `is_beta`, `available_in_s`, `install_takes_s`, `depends_on` (a namespace),
        `app_kind`, `app_name`, `consumer_key`, `certificate`; of the app's packaged policies
        `admin_approved` and `app_enabled`.

        Raises:
            ValueError: a key is unknown or its value cannot be.
        """
        if unknown := sorted(set(document) - _PUBLISH_KEYS):
            raise ValueError(f"unknown {', '.join(unknown)}; one of {', '.join(sorted(_PUBLISH_KEYS))}")
        namespace = str(document.get("namespace") or "")
        if not namespace.isidentifier():
            raise ValueError("namespace must be letters and digits")
        package = next((each for each in self if each.namespace == namespace), None)
        if package is None:
            package = Package(
                self._id("033"),
                str(document.get("name") or namespace),
                namespace,
                int(document.get("generation", 2)),
            )
            self._packages.append(package)
        self._give_app(package, document)
        if "version" in document:
            package.versions.append(self._version(document, now_s))
        return package

    def _give_app(self, package: Package, document: dict[str, Any]) -> None:
        if package.app is None and ("app_name" in document or "app_kind" in document):
            name = str(document.get("app_name") or f"{package.namespace}_app")
            kind: AppKind = (
                "connected_app" if document.get("app_kind") == "connected_app" else "external_client_app"
            )
            package.app = PackagedApp(kind, name, name.replace("_", " "), new_consumer_key(self._rng))
        if package.app is None:
            return
        package.app.admin_approved = bool(document.get("admin_approved", package.app.admin_approved))
        package.app.is_enabled = bool(document.get("app_enabled", package.app.is_enabled))
        if "consumer_key" in document:
            package.app.consumer_key = str(document["consumer_key"])
        if "certificate" in document:
            text = str(document["certificate"])
            if refusal := refusal_of(text):
                raise ValueError(refusal)
            package.app.certificate_pem = normalised_pem(text)

    def _version(self, document: dict[str, Any], now_s: float) -> PackageVersion:
        parts = [int(part) for part in str(document["version"]).split(".")]
        major, minor, patch, build = [*parts, *(0, 0, 0, 1)[len(parts) :]][:4]
        return PackageVersion(
            self._id("04t"),
            (major, minor, patch, build),
            installation_key=str(document.get("installation_key") or ""),
            is_beta=bool(document.get("is_beta")),
            available_from_s=now_s + float(document.get("available_in_s", 0.0)),
            install_takes_s=float(document["install_takes_s"]) if "install_takes_s" in document else None,
            depends_on=str(document.get("depends_on") or ""),
        )

    def _id(self, prefix: str) -> str:
        number = self._next_number
        self._next_number += 1
        return make_id(prefix, self._tag, number)

    def _standard(self) -> Iterator[Package]:
        """Yield the packages every simulation has."""
        for name, namespace, generation, app in (
            ("Simulated Connector", "simconnect", 2, ("external_client_app", "Sim_Connector")),
            ("Simulated Loader", "simload", 1, ("connected_app", "Sim_Loader")),
            ("Simulated Reports", "simreports", 2, None),
        ):
            package = Package(self._id("033"), name, namespace, generation)
            if app is not None:
                kind: AppKind = "connected_app" if app[0] == "connected_app" else "external_client_app"
                package.app = PackagedApp(kind, app[1], app[1].replace("_", " "), new_consumer_key(self._rng))
            package.versions = [
                PackageVersion(self._id("04t"), (1, 2, 0, 1)),
                PackageVersion(self._id("04t"), (1, 3, 0, 1)),
                PackageVersion(self._id("04t"), (1, 4, 0, 1), installation_key=random_token(self._rng)),
                PackageVersion(self._id("04t"), (2, 0, 0, 7), is_beta=True),
            ]
            yield package


_PUBLISH_KEYS = frozenset(
    {
        "namespace",
        "name",
        "generation",
        "version",
        "installation_key",
        "is_beta",
        "available_in_s",
        "install_takes_s",
        "depends_on",
        "admin_approved",
        "app_enabled",
        "app_kind",
        "app_name",
        "consumer_key",
        "certificate",
    }
)


def listed(packages: PackageCatalogue, now_s: float) -> list[dict[str, Any]]:
    """Return every package as JSON values; installation keys belong to the simulation and are told."""
    return [
        {
            "package_id": package.id,
            "name": package.name,
            "namespace": package.namespace,
            "generation": package.generation,
            "app": package.app
            and {
                "kind": package.app.kind,
                "name": package.app_full_name,
                "consumer_key": package.app.consumer_key,
                "has_certificate": package.app.certificate_pem is not None,
            },
            "versions": [
                {
                    "id": version.id,
                    "number": ".".join(str(part) for part in version.number),
                    "installation_key": version.installation_key or None,
                    "is_beta": version.is_beta,
                    "available_in_s": max(0.0, version.available_from_s - now_s),
                }
                for version in package.versions
            ],
        }
        for package in packages
    ]

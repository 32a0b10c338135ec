"""Runs one package against a staged org: every file judged and applied in order, one message per outcome.

The messages follow the recorded ones: ``package.xml`` is a message without a type and is never counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.simulator import effects, package_effects, validation
from orchestrator.simulator.archive import DESTRUCTIVE, MANIFEST, Archive, Manifest, read_manifest
from orchestrator.simulator.component_views import find
from orchestrator.simulator.components import (
    SETTINGS,
    TYPE_BY_FOLDER,
    TYPE_BY_NAME,
    Draft,
    MetadataType,
    Problem,
    file_name_of,
    read_tree,
    settings_name,
    type_of,
)
from orchestrator.simulator.effects import When
from orchestrator.simulator.org import Org
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import METADATA, local_name, parse_xml

OLDEST_PACKAGE_VERSION = 7.0


@dataclass(frozen=True, slots=True)
class Message:
    """One DeployMessage: the outcome of one component of a deployment."""

    component_type: str
    full_name: str
    file_name: str
    wall_s: float
    is_success: bool
    was_created: bool = False
    has_changed: bool = False
    was_deleted: bool = False
    component_id: str = ""
    problem: str = ""
    problem_type: str = ""
    line: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether the message counts in numberComponents...; ``package.xml`` does not."""
        return bool(self.component_type)


@dataclass(slots=True)
class PackageRun:
    """One run of a package.

    Attributes:
        sim: the simulation.
        org: the staged org, changed as components succeed.
        archive: the files.
        when: who deploys and when.
        endpoint_version: the API version of the call, for packages that name none.
        ignore_warnings: whether warnings are no errors.
        allow_missing_files: whether members without a file are no errors.
        messages: what became of each component, so far.
    """

    sim: Simulator
    org: Org
    archive: Archive
    when: When
    endpoint_version: float
    ignore_warnings: bool = False
    allow_missing_files: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Whether any component failed."""
        return any(not message.is_success for message in self.messages)

    def run(self) -> None:
        """Judge and apply everything, leaving messages."""
        content = self.archive.manifest_bytes
        if content is None:
            self._refuse("", MANIFEST, MANIFEST, Problem("No package.xml found"), is_rooted=False)
            return
        try:
            manifest = read_manifest(content)
        except ValueError as error:
            self._refuse("", MANIFEST, MANIFEST, Problem(f"Error parsing file: {error}"))
            return
        version = manifest.version or self.endpoint_version
        if not OLDEST_PACKAGE_VERSION <= version <= self.org.max_api_version:
            self._refuse("", MANIFEST, MANIFEST, Problem(f"Invalid version specified: {version}"))
            return
        destructive = {name: self._destructive(name) for name in DESTRUCTIVE}
        self._delete_all(destructive[DESTRUCTIVE[0]], DESTRUCTIVE[0])
        self._run_files(manifest, version)
        for name in DESTRUCTIVE[1:]:
            self._delete_all(destructive[name], name)
        if not self.has_failed:
            effects.add_default_policies(self.org, self.when)
            self._note("", MANIFEST, MANIFEST, has_changed=True)

    # --- files

    def _run_files(self, manifest: Manifest, version: float) -> None:
        """Match files with members, refuse what does not fit, deploy the rest in the order of their types."""
        claimed: set[tuple[str, str]] = set()
        fitting: list[tuple[MetadataType, str, str]] = []
        for path in sorted(set(self.archive.files) - {MANIFEST, *DESTRUCTIVE}):
            package_type, full_name = _type_and_name(path)
            members = () if package_type is None else manifest.members.get(package_type.name, ())
            is_wild = package_type is not None and package_type.allows_wildcard and "*" in members
            if package_type is None or not (full_name in members or is_wild):
                self._refuse("", full_name, path, Problem("Not in package.xml"))
                continue
            claimed.add((package_type.name, full_name))
            fitting.append((package_type, full_name, path))
        self._refuse_unmatched(manifest, version, claimed)
        for package_type, full_name, path in sorted(fitting, key=lambda each: (each[0].order, each[2])):
            if version >= package_type.since:
                self._deploy_file(package_type, full_name, path, version)

    def _refuse_unmatched(self, manifest: Manifest, version: float, claimed: set[tuple[str, str]]) -> None:
        for type_name, members in manifest.members.items():
            package_type = TYPE_BY_NAME.get(type_name)
            if package_type is None or version < package_type.since:
                text = f"Unknown type name '{type_name}' specified in package.xml"
                self._refuse("", MANIFEST, MANIFEST, Problem(text))
                continue
            for member in members:
                if member == "*" or (type_name, member) in claimed or self.allow_missing_files:
                    continue
                text = (
                    f"An object '{member}' of type {type_name} was named in package.xml, but was not found "
                    "in zipped directory"
                )
                self._refuse(type_name, member, MANIFEST, Problem(text))

    def _deploy_file(self, package_type: MetadataType, full_name: str, path: str, version: float) -> None:
        draft = read_draft(self.archive.files[path], package_type, full_name, version)
        self.deploy_draft(draft, path)

    def deploy_draft(self, draft: Draft, path: str) -> None:
        """Judge one component and apply it if nothing speaks against it."""
        before = find(self.org, draft.type_name, draft.full_name)
        question = validation.Question(self.sim, self.org, draft, before, self.ignore_warnings)
        problems = draft.problems or validation.judge(question)
        fatal = [each for each in problems if not (each.is_warning and self.ignore_warnings)]
        for problem in fatal:
            self._refuse(draft.type_name, draft.full_name, path, problem)
        if fatal:
            return
        if draft.type_name == "InstalledPackage":
            package_effects.install_named(self.org, self.sim.packages, draft, self.when)
        applied = effects.apply(self.org, draft, self.when)
        self._note(
            draft.type_name,
            draft.full_name,
            path,
            was_created=applied.was_created,
            has_changed=applied.has_changed,
            component_id=applied.component.id,
            warning=problems[0].text if problems else "",
        )

    # --- deletions

    def _destructive(self, name: str) -> Manifest | None:
        content = self.archive.files.get(name)
        if content is None:
            return None
        try:
            return read_manifest(content)
        except ValueError as error:
            self._refuse("", name, name, Problem(f"Error parsing file: {error}"))
            return None

    def _delete_all(self, manifest: Manifest | None, path: str) -> None:
        members = {} if manifest is None else manifest.members
        for listed_type, full_name in _by_reverse_order(members):
            type_name = f"{full_name}Settings" if listed_type == SETTINGS.name else listed_type
            if TYPE_BY_NAME.get(listed_type) is None:
                self._refuse("", path, path, Problem(f"Unknown type name '{type_name}' specified in {path}"))
            elif find(self.org, type_name, full_name) is None:
                self._note(type_name, full_name, path, warning=f"No {type_name} named: {full_name} found")
            elif refusal := effects.remove(self.org, type_name, full_name, self.when):
                self._refuse(type_name, full_name, path, Problem(refusal))
            else:
                self._note(type_name, full_name, path, has_changed=True, was_deleted=True)

    # --- messages

    def _refuse(
        self, component_type: str, full_name: str, path: str, problem: Problem, *, is_rooted: bool = True
    ) -> None:
        self.messages.append(
            Message(
                component_type=component_type,
                full_name=full_name,
                file_name=f"{self.archive.root}{path}" if is_rooted else path,
                wall_s=self.when.wall_s,
                is_success=False,
                problem=problem.text,
                problem_type="Warning" if problem.is_warning else "Error",
                line=problem.line,
            )
        )

    def _note(
        self,
        component_type: str,
        full_name: str,
        path: str,
        *,
        was_created: bool = False,
        has_changed: bool = False,
        was_deleted: bool = False,
        component_id: str = "",
        warning: str = "",
    ) -> None:
        self.messages.append(
            Message(
                component_type=component_type,
                full_name=full_name,
                file_name=f"{self.archive.root}{path}",
                wall_s=self.when.wall_s,
                is_success=True,
                was_created=was_created,
                has_changed=has_changed,
                was_deleted=was_deleted,
                component_id=component_id,
                problem=warning,
                problem_type="Warning" if warning else "",
            )
        )


def _by_reverse_order(members: object) -> Iterator[tuple[str, str]]:
    """Yield deletions so that what others refer to goes last."""
    pairs = [(name, member) for name, names in dict(members).items() for member in names]  # type: ignore[call-overload]
    order = {each.name: each.order for each in TYPE_BY_NAME.values()}
    return iter(sorted(pairs, key=lambda pair: -order.get(pair[0], 0)))


def _type_and_name(path: str) -> tuple[MetadataType | None, str]:
    """Return the type of a file by folder and suffix, and its component's name."""
    folder, _, file_name = path.partition("/")
    package_type = TYPE_BY_FOLDER.get(folder)
    if package_type is None or not file_name.endswith(f".{package_type.suffix}"):
        return None, path
    return package_type, file_name.removesuffix(f".{package_type.suffix}")


def read_draft(content: bytes, package_type: MetadataType, full_name: str, version: float) -> Draft:
    """Read a metadata file; what its schema refuses comes back as the draft's problems."""
    draft = Draft(
        package_type.name, full_name, file_name_of(package_type.name, full_name), {}, content, version
    )
    try:
        root = parse_xml(content)
    except ValueError as error:
        draft.problems.append(Problem(f"Error parsing file: {error}"))
        return draft
    name = local_name(root)
    is_settings = package_type is SETTINGS and type_of(name) is SETTINGS and settings_name(name) == full_name
    if root.tag != f"{{{METADATA}}}{name}" or not (is_settings or name == package_type.name):
        text = f"Element {root.tag} invalid at this location in type {package_type.name}"
        draft.problems.append(Problem(text, 1))
        return draft
    draft.type_name = name
    draft.tree, draft.problems = read_tree(root, name, version)
    if _holds_what_the_org_changes(draft):
        draft.content = None
    return draft


def _holds_what_the_org_changes(draft: Draft) -> bool:
    """Tell whether the file cannot be given back as it is: a secret in it, or a key the org will add."""
    if draft.type_name == "InstalledPackage":
        return True
    tree = draft.tree.get("oauthConfig") if draft.type_name == "ConnectedApp" else draft.tree
    if draft.type_name not in {"ConnectedApp", "ExtlClntAppGlobalOauthSettings"} or not isinstance(
        tree, dict
    ):
        return False
    return "consumerSecret" in tree or not tree.get("consumerKey")

"""How an sObject is described: its fields, its relationships, and where its rows come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.org import Org

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

Row = dict[str, Any]
RowSource = Callable[["Simulator", Org], Iterable[Row]]


@dataclass(frozen=True)
class FieldType:
    """One field: `kind` is a describe type (`id`, `string`, `boolean`, `datetime`, ...)."""

    name: str
    kind: str = "string"
    createable: bool = False
    updateable: bool = False
    refers_to: str = ""
    relationship: str = ""
    filterable: bool = True


@dataclass(frozen=True)
class Table:
    """An sObject type.

    Attributes:
        name: API name.
        key_prefix: first three characters of its ids.
        rows: yields the rows from the facts of an org.
        fields: its fields by API name (`more_fields` adds those that depend on the org).
        relationships: relationship name to (id field, sObject).
        needs: permissions of which the reader must hold one; empty for everybody.
        surfaces: which APIs know it: `data` (REST, SOAP), `tooling`, or `both`.
        children: child relationship name to (sObject, its field that names this record).
        exists_in: whether an org has the type at all; None means every org does.
    """

    name: str
    key_prefix: str
    rows: RowSource
    fields: Mapping[str, FieldType]
    label: str = ""
    more_fields: Callable[[Org], Mapping[str, FieldType]] | None = None
    needs: frozenset[str] = field(default_factory=frozenset)
    createable: bool = False
    updateable: bool = False
    deletable: bool = False
    surfaces: str = "both"
    children: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exists_in: Callable[[Org], bool] | None = None

    def is_on(self, *, tooling: bool) -> bool:
        """Whether the Tooling API, or else the data APIs, know the type."""
        return self.surfaces in {"both", "tooling" if tooling else "data"}

    def find_child(self, name: str) -> tuple[str, str] | None:
        """Return (sObject, field) of a child relationship, in any case."""
        lowered = name.lower()
        return next((found for key, found in self.children.items() if key.lower() == lowered), None)

    def fields_of(self, org: Org) -> Mapping[str, FieldType]:
        """Return every field the type has in this org."""
        return {**self.fields, **self.more_fields(org)} if self.more_fields else self.fields

    def find_field(self, org: Org, name: str) -> FieldType | None:
        """Find a field by name, in any case."""
        found = self.fields.get(name)
        if found is not None:
            return found
        lowered = name.lower()
        return next((each for each in self.fields_of(org).values() if each.name.lower() == lowered), None)

    def find_relationship(self, name: str) -> tuple[str, str] | None:
        """Return (id field, sObject) of a relationship, in any case."""
        lowered = name.lower()
        for each in self.fields.values():
            if each.relationship.lower() == lowered and each.relationship:
                return each.name, each.refers_to
        return None


def described(
    names: str, kind: str = "string", *, createable: bool = False, updateable: bool = False
) -> list[FieldType]:
    """Return fields of one kind from names separated by blanks."""
    return [FieldType(name, kind, createable, updateable) for name in names.split()]


def reference(
    name: str, sobject: str, relationship: str = "", *, createable: bool = False, updateable: bool = False
) -> FieldType:
    """Return a reference field; its relationship is the name without `Id` unless given."""
    return FieldType(
        name,
        "reference",
        createable=createable,
        updateable=updateable,
        refers_to=sobject,
        relationship=relationship or name.removesuffix("Id"),
    )


def fields_by_name(*groups: Iterable[FieldType] | FieldType) -> dict[str, FieldType]:
    """Collect fields (single ones or lists) by name, `Id` first."""
    collected = {"Id": FieldType("Id", "id")}
    for group in groups:
        for each in [group] if isinstance(group, FieldType) else group:
            collected[each.name] = each
    return collected

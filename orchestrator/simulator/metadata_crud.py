"""Synchronous metadata calls: create, read, update, upsert, delete, rename; ten components at most.

The same judgement and the same effects as in a deployment, on a staged copy of the org, so that AllOrNone
can take everything back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lxml import etree

from orchestrator.simulator import effects, package_effects, soap, validation
from orchestrator.simulator.component_views import APP_TYPES, find
from orchestrator.simulator.components import (
    SETTINGS,
    Component,
    Draft,
    Problem,
    fields_of,
    file_name_of,
    pairs_of,
    read_tree,
    type_of,
)
from orchestrator.simulator.deploy import refuse_writes_in_read_only
from orchestrator.simulator.effects import When
from orchestrator.simulator.http import Response
from orchestrator.simulator.metadata_fields import ENUMERATIONS, FIELDS
from orchestrator.simulator.org import Org
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.soap_call import Call

MAX_COMPONENTS = 10
ROLLED_BACK = Problem(
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
    status_code="ALL_OR_NONE_OPERATION_ROLLED_BACK",
)
DUPLICATE = Problem("duplicate value found", status_code="DUPLICATE_VALUE")


@dataclass(slots=True)
class Outcome:
    """What became of one component of a call."""

    full_name: str
    problems: Sequence[Problem] = ()
    was_created: bool = False

    @property
    def is_success(self) -> bool:
        """Whether nothing spoke against it."""
        return not self.problems

    def pairs(self, *, with_created: bool = False) -> list[tuple[str, object]]:
        """Return SaveResult, DeleteResult or (with ``created``) UpsertResult in schema order."""
        pairs: list[tuple[str, object]] = [("created", self.was_created)] if with_created else []
        pairs += [
            ("errors", [("message", each.text), ("statusCode", each.status_code)]) for each in self.problems
        ]
        return [*pairs, ("fullName", self.full_name), ("success", self.is_success)]


def _limited(items: list[etree._Element] | list[str]) -> None:
    if len(items) > MAX_COMPONENTS:
        text = f"record limit reached. cannot submit more than {MAX_COMPONENTS} records in this operation"
        raise SoapFault("EXCEEDED_ID_LIMIT", text)


def _known_type(name: str) -> str:
    """Return the type name of a call.

    Raises:
        SoapFault: INVALID_TYPE.
    """
    local = name.rpartition(":")[2]
    if type_of(local) is None or local == "Settings":
        raise SoapFault("INVALID_TYPE", f"Unknown type:{local}")
    return local


def _read_drafts(call: Call) -> list[Draft]:
    items = list(soap.elements(call.envelope.body, "metadata"))
    _limited(items)
    drafts: list[Draft] = []
    for item in items:
        name = _known_type(item.get(f"{{{soap.XSI}}}type", ""))
        if drafts and drafts[0].type_name != name:
            raise SoapFault("INVALID_TYPE", "All components of one call must be of the same type")
        full_name = soap.text_of(item, "fullName") or ""
        tree, problems = read_tree(item, name, call.version)
        draft = Draft(name, full_name, file_name_of(name, full_name), tree, None, call.version, problems)
        if not full_name:
            draft.problems.append(
                Problem("Required field is missing: fullName", status_code="REQUIRED_FIELD_MISSING")
            )
        drafts.append(draft)
    return drafts


def _save(call: Call, *, may_create: bool, may_update: bool) -> list[Outcome]:
    """Write the components of a call one after the other; AllOrNone takes all back if one fails."""
    refuse_writes_in_read_only(call.org)
    staged = effects.stage(call.org)
    when = When(call.user, call.sim.now_s(), call.sim.wall_s(call.org))
    outcomes = []
    for draft in _read_drafts(call):
        before = find(staged, draft.type_name, draft.full_name)
        outcome = Outcome(draft.full_name, was_created=before is None)
        if before is None and not may_create:
            outcome.problems = [validation.missing(draft.type_name, "fullName", draft.full_name)]
        elif before is not None and not may_update:
            outcome.problems = [DUPLICATE]
        else:
            outcome.problems = _judged(call, staged, draft, before)
        if outcome.is_success:
            if draft.type_name == "InstalledPackage":
                package_effects.install_named(staged, call.sim.packages, draft, when)
            effects.apply(staged, draft, when)
        outcomes.append(outcome)
    _conclude(call, staged, outcomes, when)
    return outcomes


def _judged(call: Call, staged: Org, draft: Draft, before: Component | None) -> list[Problem]:
    question = validation.Question(call.sim, staged, draft, before, ignore_warnings=False)
    return draft.problems or validation.judge(question)


def _conclude(call: Call, staged: Org, outcomes: list[Outcome], when: When) -> None:
    """Commit what succeeded, or nothing under AllOrNone if anything failed."""
    is_all_or_none = call.envelope.header_flag("AllOrNoneHeader", "allOrNone")
    if is_all_or_none and not all(each.is_success for each in outcomes):
        for each in outcomes:
            each.problems = each.problems or [ROLLED_BACK]
        return
    if any(each.is_success for each in outcomes):
        effects.add_default_policies(staged, when)
        effects.announce(staged, when)
        effects.commit(call.org, staged)


def _create(call: Call) -> Response:
    outcomes = _save(call, may_create=True, may_update=False)
    return call.answer(*(("result", each.pairs()) for each in outcomes))


def _update(call: Call) -> Response:
    outcomes = _save(call, may_create=False, may_update=True)
    return call.answer(*(("result", each.pairs()) for each in outcomes))


def _upsert(call: Call) -> Response:
    outcomes = _save(call, may_create=True, may_update=True)
    return call.answer(*(("result", each.pairs(with_created=True)) for each in outcomes))


def _delete(call: Call) -> Response:
    refuse_writes_in_read_only(call.org)
    type_name = _known_type(call.text("type"))
    names = soap.texts_of(call.envelope.body, "fullNames")
    _limited(names)
    staged = effects.stage(call.org)
    when = When(call.user, call.sim.now_s(), call.sim.wall_s(call.org))
    outcomes = []
    for name in names:
        is_there = find(staged, type_name, name) is not None
        refusal = effects.remove(staged, type_name, name, when)
        code = "DELETE_FAILED" if is_there else "INVALID_CROSS_REFERENCE_KEY"
        outcomes.append(Outcome(name, [Problem(refusal, status_code=code)] if refusal else ()))
    _conclude(call, staged, outcomes, when)
    return call.answer(*(("result", each.pairs()) for each in outcomes))


def _rename(call: Call) -> Response:
    """Rename a satellite of an app or a permission set; the name of an app itself is final."""
    refuse_writes_in_read_only(call.org)
    type_name, old, new = _known_type(call.text("type")), call.text("oldFullName"), call.text("newFullName")
    staged = effects.stage(call.org)
    when = When(call.user, call.sim.now_s(), call.sim.wall_s(call.org))
    component = find(staged, type_name, old)
    outcome = Outcome(new)
    if component is None:
        outcome.problems = [validation.missing(type_name, "oldFullName", old)]
    elif find(staged, type_name, new) is not None:
        outcome.problems = [DUPLICATE]
    elif (
        type_name in {"ExternalClientApplication", "ConnectedApp", "Profile"}
        or type_of(type_name) is SETTINGS
    ):
        text = f"Components of type {type_name} cannot be renamed"
        outcome.problems = [Problem(text, status_code="FIELD_INTEGRITY_EXCEPTION")]
    else:
        stored = staged.components.pop((type_name, old), component)
        stored.full_name, stored.file_name = new, file_name_of(type_name, new)
        stored.modified_by_id, stored.modified_wall_s = call.user.id, when.wall_s
        staged.components[type_name, new] = stored
        if type_name == "PermissionSet" and (found := staged.permission_set_by_name(old)) is not None:
            found.name = new
            for app in staged.apps.values():
                app.permission_set_names = frozenset(
                    new if each == old else each for each in app.permission_set_names
                )
    _conclude(call, staged, [outcome], when)
    return call.answer(("result", outcome.pairs()))


def _read(call: Call) -> Response:
    type_name = _known_type(call.text("type"))
    names = soap.texts_of(call.envelope.body, "fullNames")
    _limited(names)
    records: list[tuple[str, object]] = []
    for name in names:
        component = find(call.org, type_name, name)
        if component is None:
            records.append(("records", None))
            continue
        pairs = [("fullName", component.full_name), *pairs_of(component.tree, type_name, call.version)]
        records.append(("records", soap.Typed(type_name, pairs)))
    return call.answer(("result", records))


def _describe_value_type(call: Call) -> Response:
    """Describe a type's fields (describeValueType)."""
    type_name = _known_type(call.text("type").rpartition("}")[2])
    is_app = type_name in APP_TYPES or type_name in {"PermissionSet", "Profile"}
    name_field = _value_field("fullName", "string", is_required=True, is_name=True)
    fields = [name_field, *_value_fields(type_name, call.version)]
    result: list[tuple[str, object]] = [
        ("apiCreatable", is_app),
        ("apiDeletable", is_app),
        ("apiReadable", True),
        ("apiUpdatable", True),
        *(("valueTypeFields", each) for each in fields),
    ]
    return call.answer(("result", result))


def _value_fields(type_name: str, version: float) -> list[list[tuple[str, object]]]:
    described = []
    for about in fields_of(type_name).values():
        if not about.is_known_at(version):
            continue
        nested = _value_fields(about.type_name, version) if about.type_name in FIELDS else []
        words = ENUMERATIONS.get(about.type_name, "").split()
        soap_type = {"": "string", "b": "boolean", "i": "int"}.get(about.type_name, about.type_name)
        field = _value_field(about.name, soap_type, is_required=about.is_required, words=words)
        described.append([*(("fields", each) for each in nested), *field])
    return described


def _value_field(
    name: str, soap_type: str, *, is_required: bool, is_name: bool = False, words: Sequence[str] = ()
) -> list[tuple[str, object]]:
    values = [
        ("picklistValues", [("active", True), ("defaultValue", False), ("label", word), ("value", word)])
        for word in words
    ]
    return [
        ("isForeignKey", False),
        ("isNameField", is_name),
        ("minOccurs", int(is_required)),
        ("name", name),
        *values,
        ("soapType", soap_type),
        ("valueRequired", is_required),
    ]


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "createMetadata": _create,
    "readMetadata": _read,
    "updateMetadata": _update,
    "upsertMetadata": _upsert,
    "deleteMetadata": _delete,
    "renameMetadata": _rename,
    "describeValueType": _describe_value_type,
}

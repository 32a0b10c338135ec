"""Describe calls of the partner API: the org's sObject types and their fields, in the WSDL's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.simulator import soap
from orchestrator.simulator.describe import describe, global_describe
from orchestrator.simulator.http import Response
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.soap_call import Call
from orchestrator.simulator.sobjects import find_table

Pairs = list[tuple[str, object]]

MAX_TYPES = 100
OBJECT_FLAGS = [
    "activateable",
    "createable",
    "custom",
    "customSetting",
    "deepCloneable",
    "deletable",
    "deprecatedAndHidden",
    "feedEnabled",
    "hasSubtypes",
    "idEnabled",
    "isInterface",
    "isSubtype",
    "layoutable",
    "mergeable",
    "mruEnabled",
    "queryable",
    "replicateable",
    "retrieveable",
    "searchable",
    "triggerable",
    "undeletable",
    "updateable",
]
FIELD_FLAGS = [
    "aggregatable",
    "aiPredictionField",
    "autoNumber",
    "calculated",
    "caseSensitive",
    "createable",
    "custom",
    "defaultedOnCreate",
    "deprecatedAndHidden",
    "filterable",
    "groupable",
    "idLookup",
    "nameField",
    "nillable",
    "permissionable",
    "polymorphicForeignKey",
    "queryByDistance",
    "restrictedPicklist",
    "searchPrefilterable",
    "sortable",
    "unique",
    "updateable",
]
NIL_TEXTS = ("defaultImplementation", "implementedBy", "implementsInterfaces", "networkScopeFieldName")
NIL_URLS = ("urlDetail", "urlEdit", "urlNew")


def _object_facts(described: dict[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {name: bool(described.get(name, False)) for name in OBJECT_FLAGS}
    facts |= {name: described[name] for name in ("keyPrefix", "label", "labelPlural", "name")}
    return facts | {"associateEntityType": None, "associateParentEntity": None, "idEnabled": True}


def _field_pairs(described: dict[str, Any]) -> Pairs:
    facts: dict[str, object] = {name: bool(described.get(name, False)) for name in FIELD_FLAGS}
    is_reference = bool(described["referenceTo"])
    facts |= {
        "byteLength": described["byteLength"],
        "digits": 0,
        "label": described["label"],
        "length": described["length"],
        "name": described["name"],
        "precision": 0,
        "scale": 0,
        "soapType": described["soapType"],
        "type": described["type"],
    }
    if is_reference:
        facts["referenceTo"] = described["referenceTo"][0]
        if described["relationshipName"]:
            facts["relationshipName"] = described["relationshipName"]
    return sorted(facts.items())


def _describe_global(call: Call) -> Response:
    document = global_describe(call.org, "")
    sobjects = [("sobjects", sorted(_object_facts(each).items())) for each in document["sobjects"]]
    return call.answer(("result", [("encoding", "UTF-8"), ("maxBatchSize", 200), *sobjects]))


def _described(call: Call, name: str) -> Pairs:
    """Return DescribeSObjectResult in schema order.

    Raises:
        SoapFault: INVALID_TYPE.
    """
    table = find_table(call.org, name)
    if table is None:
        raise SoapFault("INVALID_TYPE", f"sObject type '{name}' is not supported.", "InvalidSObjectFault")
    document = describe(call.org, table, "")
    facts = _object_facts(document) | {"compactLayoutable": False}
    facts |= dict.fromkeys((*NIL_TEXTS, *NIL_URLS))
    pairs: Pairs = [*facts.items(), *(("fields", _field_pairs(each)) for each in document["fields"])]
    return sorted(pairs, key=lambda pair: pair[0])


def _describe_sobject(call: Call) -> Response:
    return call.answer(("result", _described(call, call.text("sObjectType"))))


def _describe_sobjects(call: Call) -> Response:
    names = soap.texts_of(call.envelope.body, "sObjectType")
    if len(names) > MAX_TYPES:
        raise SoapFault("EXCEEDED_ID_LIMIT", f"cannot describe more than {MAX_TYPES} types in one call")
    return call.answer(*(("result", _described(call, name)) for name in names))


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "describeGlobal": _describe_global,
    "describeSObject": _describe_sobject,
    "describeSObjects": _describe_sobjects,
}

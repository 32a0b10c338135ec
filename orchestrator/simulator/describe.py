"""Describe answers: what sObject types and fields an org has."""

from __future__ import annotations

from typing import Any

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import FieldType, Table
from orchestrator.simulator.sobjects import tables_of
from orchestrator.simulator.soql import QueryResult

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
}
_APEX_TYPES = {"id": "Id", "reference": "Id", "boolean": "Boolean", "datetime": "Datetime", "int": "Integer"}
_LENGTHS = {"id": 18, "reference": 18, "boolean": 0, "datetime": 0, "int": 0}


def global_describe(org: Org, root: str) -> dict[str, Any]:
    """Return GET /sobjects."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [_object_describe(table, root) for table in tables_of(org)],
    }


def describe_briefly(table: Table, root: str) -> dict[str, Any]:
    """Return GET /sobjects/X."""
    return {"objectDescribe": _object_describe(table, root), "recentItems": []}


def describe(org: Org, table: Table, root: str) -> dict[str, Any]:
    """Return GET /sobjects/X/describe."""
    return {
        **_object_describe(table, root),
        "fields": [_field_describe(each) for each in table.fields_of(org).values()],
        "childRelationships": [
            {
                "cascadeDelete": False,
                "childSObject": sobject,
                "deprecatedAndHidden": False,
                "field": field,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": name,
                "restrictedDelete": False,
            }
            for name, (sobject, field) in table.children.items()
        ],
        "recordTypeInfos": [],
        "namedLayoutInfos": [],
        "supportedScopes": [{"label": "All", "name": "everything"}],
    }


def column_metadata(org: Org, result: QueryResult) -> dict[str, Any]:
    """Return the answer to `columns=true`, without which the CLI cannot print a table."""
    columns = []
    table, query = result.table, result.query
    if table is not None and query is not None:
        unnamed = 0
        for each in query.fields:
            if each.is_aggregate:
                name = each.alias or f"expr{unnamed}"
                unnamed += not each.alias
                columns.append(_column(name, FieldType(name, "int"), aggregate=True))
            else:
                found = table.find_field(org, each.path[-1]) or FieldType(each.path[-1])
                columns.append(_column(each.text, found))
    return {
        "columnMetadata": columns,
        "entityName": table.name if table else None,
        "groupBy": query is not None and bool(query.groups),
        "idSelected": any(column["columnName"].lower() == "id" for column in columns),
        "keyPrefix": table.key_prefix if table else None,
    }


def _column(name: str, found: FieldType, *, aggregate: bool = False) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "apexType": _APEX_TYPES.get(found.kind, "String"),
        "booleanType": found.kind == "boolean",
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": found.refers_to or None,
        "insertable": found.createable,
        "joinColumns": [],
        "numberType": found.kind == "int",
        "textType": found.kind == "string",
        "updatable": found.updateable,
    }


def _object_describe(table: Table, root: str) -> dict[str, Any]:
    url = f"{root}/sobjects/{table.name}"
    return {
        "activateable": False,
        "createable": table.createable,
        "custom": False,
        "customSetting": False,
        "deletable": table.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isSubtype": False,
        "keyPrefix": table.key_prefix or None,
        "label": table.label or table.name,
        "labelPlural": f"{table.label or table.name}s",
        "layoutable": False,
        "mergeable": False,
        "mruEnabled": False,
        "name": table.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": False,
        "triggerable": False,
        "undeletable": False,
        "updateable": table.updateable,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def _field_describe(each: FieldType) -> dict[str, Any]:
    return {
        "aggregatable": True,
        "byteLength": _LENGTHS.get(each.kind, 255) * 3,
        "calculated": False,
        "createable": each.createable,
        "custom": False,
        "defaultValue": False if each.kind == "boolean" else None,
        "defaultedOnCreate": each.kind == "boolean",
        "deprecatedAndHidden": False,
        "externalId": False,
        "filterable": each.filterable,
        "groupable": each.filterable,
        "label": each.name,
        "length": _LENGTHS.get(each.kind, 255),
        "name": each.name,
        "nameField": each.name == "Name",
        "nillable": each.kind not in {"id", "boolean"},
        "picklistValues": [],
        "referenceTo": [each.refers_to] if each.refers_to else [],
        "relationshipName": each.relationship or None,
        "soapType": _SOAP_TYPES.get(each.kind, "xsd:string"),
        "sortable": True,
        "type": each.kind,
        "unique": each.kind == "id",
        "updateable": each.updateable,
    }

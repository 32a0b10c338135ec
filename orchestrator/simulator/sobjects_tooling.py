"""sObject tables of the Tooling API alone: the deployments an org was asked for.

Source: Tooling API, DeployRequest (what Setup's page "Deployment Status" shows).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import Row, Table, described, fields_by_name, reference

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator


def _deploy_requests(sim: Simulator, org: Org) -> Iterator[Row]:
    from orchestrator.simulator.deploy import advance  # noqa: PLC0415 - it deploys what queries read

    advance(sim, org)
    for deployment in list(org.deploys.values()):
        started_wall_s = deployment.started_wall_s
        yield {
            "Id": deployment.id,
            "Status": deployment.status,
            "CheckOnly": deployment.options.check_only,
            "RollbackOnError": deployment.options.rollback_on_error,
            "ErrorMessage": deployment.error_message or None,
            "NumberComponentsTotal": deployment.total,
            "NumberComponentErrors": len(deployment.failures()),
            "StartDate": None if started_wall_s is None else rest_timestamp(started_wall_s),
            "CreatedById": deployment.user_id,
            "CreatedDate": rest_timestamp(deployment.created_wall_s),
            "LastModifiedDate": rest_timestamp(deployment.changed_wall_s),
        }


TOOLING_TABLES = (
    Table(
        "DeployRequest",
        "0Af",
        _deploy_requests,
        fields_by_name(
            described("Status ErrorMessage"),
            described("CheckOnly RollbackOnError", "boolean"),
            described("NumberComponentsTotal NumberComponentErrors", "int"),
            described("StartDate CreatedDate LastModifiedDate", "datetime"),
            reference("CreatedById", "User"),
        ),
        needs=frozenset({"ModifyMetadata", "ModifyAllData", "ViewSetup"}),
        surfaces="tooling",
    ),
)

"""Connect REST of OAuth apps: usage and credentials (`/apps/oauth/usage`, `/apps/oauth/credentials/...`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.http import Response
from orchestrator.simulator.refusals import RecordRefused, not_found

if TYPE_CHECKING:
    from orchestrator.simulator.rest import RestCall

_PARTS = {"key": ("key",), "secret": ("secret",), "keyandsecret": ("key", "secret")}
_NEEDED = frozenset({"ExternalClientAppDeveloper", "ViewClientSecret"})


def answer_apps(call: RestCall) -> Response:
    """Answer GET under /apps/oauth."""
    steps = call.steps[1:]
    if steps == ["oauth", "usage"]:
        apps = [{"developerName": app.name, "identifier": app.app_id} for app in call.org.apps.values()]
        return call.answer(
            {"apps": apps, "currentPageUrl": f"{call.root}/apps/oauth/usage", "nextPageUrl": None}
        )
    if steps[:2] != ["oauth", "credentials"] or len(steps) < 3:  # noqa: PLR2004 - oauth/credentials/{app}
        raise not_found()
    if not call.org.permissions_of(call.user) >= _NEEDED:
        raise RecordRefused(
            "FUNCTIONALITY_NOT_ENABLED", "This feature is not enabled for this user.", status=403
        )
    app = call.org.app_by_id(steps[2])
    if app is None:
        raise not_found()
    base = f"{call.root}/apps/oauth/credentials/{app.app_id}"
    if len(steps) == 3:  # noqa: PLR2004 - the list of consumers
        url = f"{base}/{app.consumer_id}"
        consumer = {
            "id": app.consumer_id,
            "key": app.consumer_key,
            "name": app.label,
            "url": url,
            "stagedCredentialsUrl": f"{url}/staged",
        }
        return call.answer({"consumers": [consumer]})
    return _credentials(call, app, steps[3])


def _credentials(call: RestCall, app: ClientApp, consumer_id: str) -> Response:
    if consumer_id[:15] != app.consumer_id[:15]:
        raise not_found()
    parts = _PARTS.get(call.request.first("part", "key").lower())
    if parts is None:
        raise RecordRefused("ILLEGAL_QUERY_PARAMETER_VALUE", "part must be key, secret or keyandsecret")
    if "secret" in parts and not call.org.setting_is_on(
        "ExternalClientAppSettings", "enableClientSecretInRestApiAccess"
    ):
        raise RecordRefused(
            "FUNCTIONALITY_NOT_ENABLED",
            "Access to client secrets by REST is not currently enabled.",
            status=403,
        )
    values = {"key": app.consumer_key, "secret": app.consumer_secret}
    return call.answer({"id": app.consumer_id, **{name: values[name] for name in parts}})

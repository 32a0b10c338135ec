"""The settings a lock-down may change, as they were before: the ground every undo stands on."""

from __future__ import annotations

from typing import Any

from orchestrator.actions.credential import Connection

# Metadata type -> the one member a settings type has (Metadata API guide, "Settings").
SETTINGS = {
    "OauthOidcSettings": "OauthOidc",
    "SecuritySettings": "Security",
    "MyDomainSettings": "MyDomain",
    "ConnectedAppSettings": "ConnectedApp",
    "ExternalClientAppSettings": "ExternalClientApp",
}
# Of Security only this part is kept: the rest (network access, password policies) is never touched.
_KEPT_OF_SECURITY = ("singleSignOnSettings",)


def read_settings(org: Connection, metadata_type: str) -> dict[str, Any]:
    """The settings of that type as a tree of strings; {} when the org does not offer them."""
    records = org.metadata.read(metadata_type, [SETTINGS[metadata_type]])
    record = records[0] if records else None
    if record is None:
        return {}
    return {key: value for key, value in record.items() if value is not None and key != "fullName"}


def settings_snapshot(org: Connection, taken_at: str) -> dict[str, Any]:
    """All settings types of interest, read one by one, with the time they were read (RFC 3339)."""
    kept: dict[str, Any] = {"taken_at": taken_at}
    for metadata_type in SETTINGS:
        settings = read_settings(org, metadata_type)
        if metadata_type == "SecuritySettings":
            settings = {key: settings[key] for key in _KEPT_OF_SECURITY if key in settings}
        kept[metadata_type] = settings
    return kept

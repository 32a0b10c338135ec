"""Salesforce record ids: 15 case-sensitive characters, or 18 with a checksum of the letter cases.

The last three characters encode, for each block of five, which of them are upper-case letters
(Salesforce help "Record IDs: case-sensitive 15-character vs. case-safe 18-character").
"""

from __future__ import annotations

import string

_CHECK_ALPHABET = string.ascii_uppercase + "012345"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHORT = 15
_LONG = 18
_BLOCK = 5

# Key prefixes of the records the simulator makes.
PREFIXES = {
    "User": "005",
    "Organization": "00D",
    "Profile": "00e",
    "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa",
    "PermissionSetLicense": "0PL",
    "PermissionSetLicenseAssign": "2LA",
    "UserLicense": "100",
    "UserLogin": "0Yw",
    "LoginHistory": "0Ya",
    "AuthSession": "0Ak",
    "OauthToken": "0CQ",
    "SetupAuditTrail": "0Ym",
    "SetupEntityAccess": "0J0",
    "ExternalClientApplication": "0xI",
    "OauthConsumer": "888",
    "ConnectedApplication": "0H4",
    "ExtlClntAppOauthSettings": "0xJ",
    "ExtlClntAppGlobalOauthSettings": "0xK",
    "ExtlClntAppOauthPlcyCnfg": "0xM",
    "ExtlClntAppPlcyCnfg": "0xL",
    "DeployRequest": "0Af",
    "RetrieveRequest": "09S",
    "Account": "001",
    "Contact": "003",
    "QueryLocator": "01g",
}


def checksum(id15: str) -> str:
    """Return the three check characters of a 15-character id.

    Raises:
        ValueError: the id is not 15 characters long.
    """
    if len(id15) != _SHORT:
        raise ValueError(f"an id has 15 characters, this one {len(id15)}")
    check = ""
    for start in range(0, _SHORT, _BLOCK):
        block = id15[start : start + _BLOCK]
        check += _CHECK_ALPHABET[
            sum(1 << place for place, letter in enumerate(block) if "A" <= letter <= "Z")
        ]
    return check


def to_18(any_id: str) -> str:
    """Return the 18-character form of an id; other lengths come back unchanged (they match nothing)."""
    if len(any_id) == _SHORT:
        return any_id + checksum(any_id)
    return any_id


def is_valid(any_id: str) -> bool:
    """Whether the text is a well-formed id of either length (checksum included)."""
    if not (any_id.isascii() and any_id.isalnum()):
        return False
    if len(any_id) == _LONG:
        return any_id[_SHORT:].upper() == checksum(any_id[:_SHORT])
    return len(any_id) == _SHORT


def base62(number: int, width: int) -> str:
    """Write a number in base 62, padded with zeros to `width` characters."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(width, "0")


def make_id(prefix: str, tag: str, number: int) -> str:
    """Return an 18-character id: prefix (3), the org's tag (up to 5), then a counter."""
    return to_18(prefix + tag + base62(number, _SHORT - len(prefix) - len(tag)))

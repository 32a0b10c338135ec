"""OAuth scopes: the metadata vocabulary (`Api`) and the words of the token endpoint (`api`)."""

from __future__ import annotations

from collections.abc import Iterable

_RUNTIME = {
    "api": "api",
    "web": "web",
    "full": "full",
    "basic": "id",
    "openid": "openid",
    "refreshtoken": "refresh_token",
    "offlineaccess": "offline_access",
    "chatter": "chatter_api",
    "visualforce": "visualforce",
    "lightning": "lightning",
    "content": "content",
    "profile": "profile",
    "email": "email",
    "address": "address",
    "phone": "phone",
    "custompermissions": "custom_permissions",
    "customapplications": "visualforce",
    "wave": "wave_api",
    "eclair": "eclair_api",
    "pardot": "pardot_api",
    "cdpquery": "cdp_query_api",
    "cdpingest": "cdp_ingest_api",
    "cdpprofile": "cdp_profile_api",
    "sfap": "sfap_api",
    "sfapiplatform": "sfap_api",
    "interaction": "interaction_api",
    "chatbot": "chatbot_api",
    "einsteingpt": "einstein_gpt_api",
    "forgotpassword": "forgot_password",
    "userregistration": "user_registration_api",
    "pwdlesslogin": "pwdless_login_api",
    "mcp": "mcp_api",
    "scrt": "scrt_api",
}
REFRESH = frozenset({"refresh_token", "offline_access"})


def runtime_scopes(metadata_words: Iterable[str]) -> frozenset[str]:
    """Translate metadata words into token endpoint words; unknown words keep their spelling."""
    return frozenset(
        _RUNTIME.get(word.strip().lower(), word.strip()) for word in metadata_words if word.strip()
    )


def scope_text(scopes: frozenset[str]) -> str:
    """Write scopes as the token answer does, without the refresh words' twin."""
    order = ["refresh_token", "api", "web", "full", "id", "openid"]
    first = [scope for scope in order if scope in scopes]
    return " ".join(first + sorted(scopes - set(order)))

"""What a pasted text is, and what the org's public answers mean for a key."""

from __future__ import annotations

import pytest

from orchestrator.errors import UsageError
from orchestrator.salesforce.key_check import (
    KNOWN,
    authorize_question,
    clean_key,
    clean_secret,
    introspect_question,
    read_authorize,
    read_introspect,
    read_token,
    token_question,
)

KEY = "3MVG9" + "a.B_1" * 16
CALLBACK = "http://localhost:17170/OauthRedirect"
NOT_KEYS = [
    ("", "is empty"),
    ("   \n ", "is empty"),
    ("3F" * 32, "shape of a consumer secret"),
    ("1234567890123456789", "shape of a consumer secret"),
    ("-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----", "this is a certificate"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIC", "this is a private key"),
    ("-----BEGIN PRIVATE KEY-----\\nMIIC", "this is a private key"),
    ("00D000000000001!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL", "this is an access token"),
    ("5Aep861KIwKdekr90I4iHdZDgWwfEpGUtqQIL0TF3I", "this is a refresh token"),
    ("https://acme.my.salesforce.com", "this is an address"),
    ("admin@acme.example", "a username or an e-mail address"),
    ("0xI5g000000TN1cGAG", "the id of a record"),
    ("888000000000001", "the id of a record"),
    ("short", "8 to 256"),
    ("3MVG9 with ümlaut", "8 to 256"),
    ("a" * 257, "8 to 256"),
]


@pytest.mark.parametrize(("text", "said"), NOT_KEYS)
def test_what_is_no_consumer_key_is_named_and_never_repeated(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        clean_key(text)
    assert caught.value.code == "consumer_key_unusable"
    assert said in caught.value.detail
    if len(text.strip()) > 5:
        assert text.strip()[:12] not in f"{caught.value.detail} {caught.value.remedy}"


@pytest.mark.parametrize(
    "text", [KEY, f"  {KEY}\n", f'"{KEY}"', f"{KEY[:40]}\n{KEY[40:]}", f"\u200b{KEY}\u00a0"]
)
def test_a_key_is_taken_however_it_was_copied(text: str) -> None:
    assert clean_key(text) == KEY


@pytest.mark.parametrize("key", ["ab12" * 16, "ACMEa1b2c3d4e5f6", "PlatformCLI"])
def test_a_key_that_a_deployer_chose_is_a_key(key: str) -> None:
    assert clean_key(key) == key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (KEY, "pasted twice"),
        ("3MVG9other", "shape of a consumer key"),
        ("a\tü", "something else"),
    ],
)
def test_what_is_no_consumer_secret_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        clean_secret(text, KEY)
    assert caught.value.code == "consumer_secret_unusable"
    assert said in caught.value.detail


def test_a_secret_is_taken_without_the_white_space_around_it() -> None:
    assert clean_secret(f" {'A1' * 32}\n", KEY) == "A1" * 32


AUTHORIZE = [
    # status, Location, page, verdict
    (302, f"{CALLBACK}?error=immediate_unsuccessful&error_description=x", "", KNOWN),
    (302, "https://acme.my.salesforce.com/?ec=302&startURL=%2Fsetup%2Fsecur", "", KNOWN),
    (200, "", "<html><title>Login | Salesforce</title>", KNOWN),
    (
        400,
        "",
        "error=invalid_client_id&amp;error_description=client%20identifier%20invalid",
        "client_id_unknown",
    ),
    (400, "", "error=invalid_client_id&error_description=client%20identifier%20invalid", "client_id_unknown"),
    (400, "", "error=redirect_uri_mismatch&error_description=redirect_uri%20must", "callback_mismatch"),
    (
        302,
        f"{CALLBACK}?error=OAUTH_APP_BLOCKED&error_description=this+app+is+blocked+by+admin",
        "",
        "app_blocked",
    ),
    (302, f"{CALLBACK}?error=OAUTH_EC_APP_NOT_FOUND&error_description=x", "", "app_not_found"),
    (
        302,
        "https://a.my.salesforce.com/error?ErrorCode=OAUTH_EC_APP_NOT_FOUND&ErrorDescription=x",
        "",
        "app_not_found",
    ),
    (200, "", "<p>We can't authorize you: OAUTH_APP_BLOCKED</p>", "app_blocked"),
    (
        302,
        f"{CALLBACK}?error=invalid_client&error_description=app+must+be+installed+into+org",
        "",
        "app_not_installed",
    ),
    (302, f"{CALLBACK}?error=oauth_flow_disabled", "", "flow_disabled"),
    (302, f"{CALLBACK}?error=something_new", "", "answer_unknown"),
    (302, f"{CALLBACK}?code=1234", "", "answer_unknown"),
    (404, "", "<h1>Not found</h1>", "answer_unknown"),
    (
        200,
        "",
        "<script>window.location.replace('https://a.my.salesforce.com/?ec=302&startURL=%2F');</script>",
        KNOWN,
    ),
    (200, "", "<h1>Trouble</h1><p>Go back to the login.</p>", "answer_unknown"),
    (302, "https://new.my.salesforce.com/services/oauth2/authorize?client_id=x", "", "host_moved"),
    (302, "https://a.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp", "", "answer_unknown"),
]


@pytest.mark.parametrize(("status", "location", "page", "verdict"), AUTHORIZE)
def test_the_answer_of_the_authorize_page_is_told_apart(
    status: int, location: str, page: str, verdict: str
) -> None:
    assert read_authorize(status, location, page).code == verdict


TOKEN = [
    ({"error": "invalid_grant", "error_description": "invalid authorization code"}, False, KNOWN),
    ({"error": "invalid_grant", "error_description": "expired authorization code"}, True, KNOWN),
    (
        {"error": "invalid_client_id", "error_description": "client identifier invalid"},
        False,
        "client_id_unknown",
    ),
    (
        {"error": "invalid_client", "error_description": "invalid client credentials"},
        True,
        "client_credentials_invalid",
    ),
    (
        {"error": "invalid_client", "error_description": "invalid client credentials"},
        False,
        "client_secret_required",
    ),
    ({"error": "app_not_found", "error_description": "x"}, False, "app_not_found"),
    (
        {"error": "unsupported_grant_type", "error_description": "grant type not supported"},
        False,
        "grant_unsupported",
    ),
    ({"error": "oauth_flow_disabled"}, False, "flow_disabled"),
    ({"error": "never_seen"}, False, "answer_unknown"),
    ({"access_token": "x"}, False, "answer_unknown"),
    (["no object"], False, "answer_unknown"),
]


@pytest.mark.parametrize(("answer", "with_secret", "verdict"), TOKEN)
def test_the_answer_of_the_token_endpoint_is_told_apart(
    answer: object, *, with_secret: bool, verdict: str
) -> None:
    assert read_token(400, answer, with_secret=with_secret).code == verdict


def test_introspection_judges_the_secret_and_nothing_else() -> None:
    assert read_introspect(200, {"active": False}).is_known
    wrong = {"error": "invalid_client", "error_description": "invalid client credentials"}
    assert read_introspect(400, wrong).code == "client_credentials_invalid"
    assert read_introspect(403, {"error": "unsupported_token_type"}).is_known


def test_no_question_begins_a_login_or_could_end_in_a_token() -> None:
    assert authorize_question(KEY, CALLBACK)["immediate"] == "true"
    assert "client_secret" not in token_question(KEY, CALLBACK, None)
    assert token_question(KEY, CALLBACK, "s")["code"] == token_question("other", CALLBACK, None)["code"]
    assert introspect_question(KEY, "s")["token"].startswith("00D.")

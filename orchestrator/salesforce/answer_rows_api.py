"""Tables of answers of the API after the login: SOAP faults, deploys, REST, and the network below.

Sources: ExceptionCode and StatusCode of Salesforce's WSDLs, the metadata guide, the REST guide, CumulusCI and
sfdx-hardis for the texts of component problems.
"""

from __future__ import annotations

from orchestrator.salesforce.answer_row import rows
from orchestrator.salesforce.answer_rows_package import MESSAGES as PACKAGE_MESSAGES

# What every API surface can say, whichever call was made.
_COMMON = (
    ("INVALID_SESSION_ID", "not valid for use with the api", "session_not_valid_for_api"),
    ("INVALID_SESSION_ID|INVALID_AUTH_HEADER|INVALID_AUTH", "", "session_expired"),
    (".*", "bad_oauth_token", "session_expired"),
    (".*", "does not support jwt-based access tokens", "request_malformed"),
    ("API_DISABLED_FOR_ORG", "", "api_disabled"),
    ("API_CURRENTLY_DISABLED", "", "api_down"),
    ("REQUEST_LIMIT_EXCEEDED", "", "request_limit"),
    ("UNSUPPORTED_API_VERSION|INVALIDVERSION", "", "api_version_unsupported"),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", "read_only"),
    ("ORG_IN_MAINTENANCE", "", "org_in_maintenance"),
    ("ORG_LOCKED|ORG_ADMIN_LOCKED", "", "org_locked"),
    ("ORG_NOT_OWNED_BY_INSTANCE", "", "org_moved_instance"),
    ("TRIAL_EXPIRED", "", "trial_expired"),
    ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "password_expired"),
    ("TXN_SECURITY_.*", "", "transaction_security_blocked"),
    ("UNABLE_TO_LOCK_ROW", "", "row_locked"),
    ("SERVER_UNAVAILABLE|UNKNOWN_EXCEPTION|QUERY_TIMEOUT|GACK", "", "server_trouble"),
    ("FUNCTIONALITY_NOT_ENABLED|FEATURE_DISABLED", "", "functionality_missing"),
    ("INSUFFICIENT_ACCESS.*", "", "permission_missing"),
    ("INVALID_SOAP_HEADER|MALFORMED_(?:QUERY|ID)|JSON_PARSER_ERROR", "", "request_malformed"),
)

_KEY_NOT_READABLE = "not currently enabled|feature is not enabled|not enabled for this user"

SOAP_ROWS = rows(
    (".*", "can't create a connected app", "connected_app_creation_blocked"),
    ("DUPLICATE_VALUE|DUPLICATE_DEVELOPER_NAME", "", "app_exists"),
    *_COMMON,
    ("INVALID_CROSS_REFERENCE_KEY", "", "cross_reference_missing"),
    ("INVALID_TYPE", "", "functionality_missing"),
    ("INVALID_ID_FIELD|INVALID_ASYNC_PROCESS_ID", "", "deploy_unknown"),
    (".*", "no (?:deploy|asyncresult|deployresult)|id is not valid for the current user", "deploy_unknown"),
    ("ALREADY_IN_PROCESS", "", "deploy_in_progress"),
    ("LIMIT_EXCEEDED", "zip|file", "deploy_too_large"),
)

DEPLOY_ROWS = rows(
    # Problems of components.
    (".*", "can't create a connected app", "connected_app_creation_blocked"),
    (".*", "consumer key is already taken", "consumer_key_taken"),
    (".*", "cannot provide a consumer key", "consumer_key_on_update"),
    ("DUPLICATE_VALUE|DUPLICATE_DEVELOPER_NAME", "", "app_exists"),
    (".*", "already exists|name is already|duplicate value|duplicate developer name", "app_exists"),
    (".*", "valid execution user for the oauth client credentials", "execution_user_invalid"),
    (".*", "invalid at this location in type|not valid in version", "element_invalid"),
    ("INVALID_CROSS_REFERENCE_KEY", "", "cross_reference_missing"),
    (".*", r"invalid_cross_reference_key|in field: \S+ - no \S+ named", "cross_reference_missing"),
    (".*", _KEY_NOT_READABLE, "consumer_secret_access_off"),
    (".*", "view external client apps consumer secrets", "consumer_secret_access_off"),
    ("WARNING", "rotat", "warning_refused"),
    (".*", "(?:rotate|rotation of) (?:the )?consumer (?:key|secret)", "warning_refused"),
    (".*", r"\bscopes?\b.*(?:invalid|not valid|valid (?:values|tokens|scopes)|unknown)", "scope_invalid"),
    (".*", r"(?:invalid|not valid|unknown).*\bscopes?\b", "scope_invalid"),
    (".*", r"depends on permission\(s\)", "permission_dependency"),
    (".*", r"\bcertificate\b", "certificate_refused"),
    (".*", "insufficient (?:access|privileges)|insufficient_access", "permission_missing"),
    *_COMMON,
    (".*", "unable_to_lock_row|unable to lock row", "row_locked"),
    ("ALREADY_IN_PROCESS", "", "deploy_in_progress"),
    ("LIMIT_EXCEEDED", "", "deploy_too_large"),
    # Status of the deploy as a whole.
    ("CANCELED|CANCELING", "", "deploy_canceled"),
    ("FINALIZINGDEPLOYFAILED", "", "deploy_finalizing_failed"),
    ("SUCCEEDEDPARTIAL", "", "deploy_partial"),
    ("FAILED", "", "deploy_failed"),
    # A component problem no row above knows.
    ("ERROR|WARNING", ".", "deploy_component_failed"),
)

REST_ROWS = rows(
    *PACKAGE_MESSAGES[:2],
    (".*", "cannot set password for self", "own_password_refused"),
    ("INVALID_NEW_PASSWORD", "", "password_policy"),
    (
        ".*",
        "password (?:must|cannot|does not meet)|repeated password|invalid repeated password",
        "password_policy",
    ),
    ("CANNOT_FREEZE_SELF", "", "cannot_freeze_self"),
    ("CANNOT_DISABLE_LAST_ADMIN", "", "no_other_admin"),
    (".*", "permission set license|user license doesn't|different user license", "license_mismatch"),
    ("LICENSE_LIMIT_EXCEEDED", "", "license_missing"),
    ("INACTIVE_OWNER_OR_USER", "", "user_inactive"),
    ("DUPLICATE_USERNAME", "", "username_taken"),
    ("INVALID_EMAIL_ADDRESS", "", "email_invalid"),
    ("DUPLICATE_VALUE", "", "record_exists"),
    (".*", _KEY_NOT_READABLE, "consumer_secret_access_off"),
    ("NOT_FOUND|ENTITY_IS_DELETED|INVALID_CROSS_REFERENCE_KEY", "", "record_missing"),
    ("INVALID_TYPE|INVALID_FIELD|INVALID_FIELD_FOR_INSERT_UPDATE", "", "functionality_missing"),
    *_COMMON,
)

# Codes here are HTTP statuses and the names of exceptions of requests, urllib3 and our own transport.
NETWORK_ROWS = rows(
    (".*", "name or service not known|nodename nor servname|getaddrinfo|nxdomain", "host_unknown"),
    (".*", "failed to resolve|temporary failure in name resolution", "host_unknown"),
    ("NAMERESOLUTIONERROR|GAIERROR|DNS", "", "host_unknown"),
    (".*", "certificate verify failed|hostname mismatch|self[- ]signed certificate", "tls_untrusted"),
    ("SSLERROR|TLS", "", "tls_untrusted"),
    ("PROXYERROR|407", "", "proxy_refused"),
    ("(?:CONNECT|READ|WRITE)?TIMEOUT(?:ERROR)?|408", "", "network_timeout"),
    (".*", "timed out", "network_timeout"),
    ("TOOMANYREDIRECTS|REDIRECT|30[12378]", "", "host_moved"),
    ("ANSWERTOOLARGE|TOO_LARGE", "", "answer_too_large"),
    ("NOT_XML|XMLSYNTAXERROR", "", "not_xml"),
    ("NOT_JSON|JSONDECODEERROR", "", "not_json"),
    ("401", "", "session_expired"),
    ("403", "request[_ ]limit|totalrequests", "request_limit"),
    ("403", "blocked|forbidden by|access denied", "egress_blocked"),
    ("404", "", "url_not_an_org"),  # a page: a record that is missing is said in JSON
    ("410", "", "api_version_unsupported"),
    ("503", "maintenance", "org_in_maintenance"),
    ("406|420|425|429|5[0-9][0-9]", "", "server_trouble"),
    ("CHUNKEDENCODINGERROR|PROTOCOLERROR|INCOMPLETEREAD|REMOTEDISCONNECTED", "", "network_unreachable"),
    ("CONNECTIONERROR|NEWCONNECTIONERROR|CONNECT|MAXRETRYERROR|OSERROR", "", "network_unreachable"),
    ("CONNECTION(?:RESET|REFUSED|ABORTED)ERROR|BROKENPIPEERROR", "", "network_unreachable"),
)

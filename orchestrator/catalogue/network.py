"""Faults below the protocol: names, TLS, timeouts, and bodies that are not what they should be."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

NETWORK_FAULTS: tuple[FaultKind, ...] = (
    FaultKind(
        "host_unknown",
        Blame.NETWORK,
        Disposition.BACK_OFF,
        "No DNS answer for the host: mistyped, or a domain too fresh to be known.",
        "Check the URL and the DNS of this machine; a new org's name can take minutes.",
        "RFC 1035; sfdx-core DNS check",
    ),
    FaultKind(
        "host_moved",
        Blame.OPERATOR,
        Disposition.STOP,
        "The host redirected to another one; credentials were not sent there.",
        "Check where the org lives now and correct `url:` in the orgs file.",
        "RFC 9110",
    ),
    FaultKind(
        "tls_untrusted",
        Blame.NETWORK,
        Disposition.STOP,
        "The certificate of the host cannot be trusted; nothing was sent.",
        "Set REQUESTS_CA_BUNDLE to your proxy's CA if one inspects TLS, else find out who answers in "
        "Salesforce's place.",
        "RFC 8446",
    ),
    FaultKind(
        "network_timeout",
        Blame.NETWORK,
        Disposition.BACK_OFF,
        "The host did not answer in time.",
        "Resume; if it stays, check firewall and proxy.",
        "RFC 9293",
    ),
    FaultKind(
        "network_unreachable",
        Blame.NETWORK,
        Disposition.BACK_OFF,
        "No connection to the host.",
        "Check network, firewall and proxy settings of this machine.",
        "RFC 9293",
    ),
    FaultKind(
        "proxy_refused",
        Blame.NETWORK,
        Disposition.STOP,
        "The proxy refused the connection or wants to know who asks.",
        "Correct HTTPS_PROXY and its credentials, or allow the host in the proxy.",
        "RFC 9110",
    ),
    FaultKind(
        "egress_blocked",
        Blame.NETWORK,
        Disposition.STOP,
        "An answer of the network's edge, not of the org, refused this address.",
        "Run from a static address that is no VPN or anonymising proxy; Salesforce freezes users who "
        "come from such.",
        "Salesforce help 005318944",
    ),
    FaultKind(
        "server_trouble",
        Blame.PLATFORM,
        Disposition.BACK_OFF,
        "Salesforce failed to serve the request.",
        "Resume later; see status.salesforce.com for the instance.",
        "RFC 9110; Salesforce help 000116783",
    ),
    FaultKind(
        "not_xml",
        Blame.PLATFORM,
        Disposition.BACK_OFF,
        "The body is not the XML that was due, most often a page of an edge or of maintenance.",
        "Resume later; if it stays, check that the URL is the org's My Domain and look at the proxy.",
        "simple-salesforce login.py",
    ),
    FaultKind(
        "not_json",
        Blame.PLATFORM,
        Disposition.BACK_OFF,
        "The body is not the JSON that was due, most often a page of an edge or of maintenance.",
        "Resume later; if it stays, check that the URL is the org's My Domain and look at the proxy.",
        "sfdx_dev_troubleshoot_auth_errors",
    ),
    FaultKind(
        "answer_too_large",
        Blame.NETWORK,
        Disposition.STOP,
        "The answer is larger than any that is due here, and was cut off.",
        "Check that the URL is the org's My Domain; if it is, report this.",
        "limit of our own",
    ),
    FaultKind(
        "answer_unknown",
        Blame.ORCHESTRATOR,
        Disposition.STOP,
        "Salesforce gave an answer that is not in our tables.",
        "Read the answer above; report it, so that it gets a row.",
        "no row matched",
    ),
    FaultKind(
        "request_malformed",
        Blame.ORCHESTRATOR,
        Disposition.STOP,
        "Salesforce could not read our request.",
        "Report this; it is a defect of the orchestrator.",
        "Salesforce API guide, ExceptionCode",
    ),
)

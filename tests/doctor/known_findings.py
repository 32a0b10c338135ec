"""Findings of a healthy org, of one nobody could look into, and of one where all is as it should be."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.salesforce.diagnosis_findings import Findings, refused

HEALTHY = Findings(
    org="acme",
    host="acme.my.salesforce.com",
    org_id_seen="00D000000000001",
    org_id_expected="00D000000000001AAA",
    proven_host="acme.my.salesforce.com",
    clock_offset_s=0.4,
    days_left=300,
    token_given=True,
    seen_as="JWT user",
    app_exists=True,
    app_enabled=True,
    app_policy="AdminApprovedPreAuthorized",
    app_lists_set=True,
    user_exists=True,
    user_active=True,
    set_assigned=True,
    set_license="",
)
# Nobody could look into the org.
BLIND = Findings(
    org="acme", host="acme.my.salesforce.com", proven_host="acme.my.salesforce.com", days_left=300
)
# The bootstrap user looked and found everything as it should be.
SEEN = replace(
    HEALTHY,
    token_given=False,
    seen_as="bootstrap user",
    login_accepted=True,
    app_key_is_ours=True,
    app_certificate_is_ours=True,
    user_frozen=False,
    user_api_enabled=True,
    ip_excluded=False,
    login_ip_ranges=(),
    egress_ip="198.51.100.7",
    api_access_control=False,
)


def token(code, description=""):
    return refused("token", code, description, "the token endpoint")

"""How long an org took, or is taking, until a new client app worked everywhere: kept as evidence, read back.

Front ends answer differently for minutes after a deploy (forcedotcom/cli issues 889 and 3482). The account in
`evidence.propagation` is what later runs learn their pace from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.actions.base import RunContext

EVIDENCE = "propagation"


@dataclass(frozen=True, slots=True)
class Propagation:
    """One app that is on its way or has arrived; seconds count from its deploy.

    Attributes:
        app_kind: what was deployed.
        instance: the pod, such as `USA482`; "" when the org did not say.
        began_s: when it was deployed, Unix seconds.
        refused_s: the latest refusal; 0 when there was none.
        settled_s: the first success that no refusal followed; None while there is none.
    """

    app_kind: str
    instance: str
    began_s: float
    refused_s: float
    settled_s: float | None


def account(ctx: RunContext, *, refused: str = "") -> dict[str, Any]:
    """The evidence with one more answer counted: attempts, answers by code, first success, settled, refused.

    Args:
        ctx: of the attempt.
        refused: code of the refusal; "" for a success.
    """
    so_far = {**_what(ctx.evidence), **ctx.evidence.get(EVIDENCE, {})}
    since_s = round(ctx.now_s() - deployed_at_s(ctx), 3)
    so_far["attempts"] = int(so_far.get("attempts", 0)) + 1
    if not refused:
        so_far.setdefault("first_success_s", since_s)
        so_far.setdefault("settled_s", since_s)
        return so_far
    answers = dict(so_far.get("answers", {}))
    answers[refused] = int(answers.get(refused, 0)) + 1
    so_far |= {"answers": answers, "refused_s": since_s}
    # A refusal after a success: it had not settled. The next success will say when it did.
    so_far.pop("settled_s", None)
    return so_far


def deployed_at_s(ctx: RunContext) -> float:
    """When this run deployed the app, else when it began to prove; Unix seconds."""
    return float(ctx.evidence.get("client_app", {}).get("deployed_at_s", ctx.entered_at_s))


def propagation_of(evidence: Mapping[str, Any]) -> Propagation | None:
    """What the evidence of a run tells of a new app; None when the run made none."""
    found = evidence.get(EVIDENCE)
    if not isinstance(found, Mapping) or "app_kind" not in found:
        return None
    settled_s = found.get("settled_s")
    return Propagation(
        app_kind=str(found["app_kind"]),
        instance=str(found.get("instance") or ""),
        began_s=float(found["began_s"]),
        refused_s=float(found.get("refused_s", 0.0)),
        settled_s=None if settled_s is None else float(settled_s),
    )


def _what(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What is propagating; nothing when the app stood already, for then nobody knows since when."""
    app = evidence.get("client_app", {})
    if "deployed_at_s" not in app or app.get("adopted_existing"):
        return {}
    instance = evidence.get("organization", {}).get("InstanceName")
    return {"app_kind": app["kind"], "instance": instance, "began_s": app["deployed_at_s"]}

"""A simulator of Salesforce orgs that third-party clients cannot tell from the wire of a real one.

It binds loopback only, makes org ids that begin `00DSIM`, keeps nothing after it stops, and imports nothing
from the rest of the package. `Simulator` holds the orgs, `router.answer` is the brain behind both the server
and the in-process adapter.
"""

from orchestrator.simulator.simulation import Simulator

__all__ = ["Simulator"]

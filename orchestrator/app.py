"""Composition root: from configuration to journal, vault, network, actions and engine. Made lazily.

The only place that reads environment variables for the product's own settings, and the only one that
draws entropy for jitter and run ids.
"""

from __future__ import annotations

import functools
import os
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.configuration import Configuration, use_texts
from orchestrator.errors import PlaybookError, UsageError
from orchestrator.machine import Halt, start
from orchestrator.ports import Clock, NewRun, RunStatus, SystemClock, Vault
from orchestrator.redaction import Secret
from orchestrator.store import Store, is_shared, open_store

if TYPE_CHECKING:
    from orchestrator.actions.base import Action, RunContext
    from orchestrator.engine.advance import Engine
    from orchestrator.engine.events import Observer
    from orchestrator.fleet.breaker import Breaker
    from orchestrator.fleet.governor import LoginGovernor
    from orchestrator.fleet.orgs import OrgEntry
    from orchestrator.playbook.model import Playbook
    from orchestrator.salesforce.session import Network
    from orchestrator.store.journal import SqlJournal
    from orchestrator.store.owners import Owner

_RUN_ID_BYTES = 5
_BATCH_ID_BYTES = 3
DEFAULT_LOGINS_PER_S = 5.0  # at one login host
_RECENT_SECRETS = 64
_PACE_KEPT_S = 86_400.0  # budgets and circuits nobody has changed for a day are full and closed again


class App:
    """Everything a command may need, made on first use and closed at the end."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        environ: Mapping[str, str] | None = None,
        prompt: Callable[[str], str] | None = None,
    ) -> None:
        self.configuration = configuration
        use_texts(configuration.texts)
        self.environ = os.environ if environ is None else environ
        self.prompt = prompt
        self.open_browser: Callable[[str], None] | None = None  # set by commands that a person watches
        self.loopback_only = configuration.speed != 1.0
        self.stop = threading.Event()  # set to park everything, also whoever sleeps between two tries
        self.logins_per_s = DEFAULT_LOGINS_PER_S
        self._random = random.Random(secrets.randbits(64))  # noqa: S311 - jitter, not a secret
        self._prompted: dict[tuple[str, str], Secret] = {}
        # Redaction knows a secret as long as it lives, and an org may quote one long after it was sent.
        self._recent: deque[Secret] = deque(maxlen=_RECENT_SECRETS)

    @functools.cached_property
    def actions(self) -> Mapping[str, Action]:
        """All actions by name."""
        from orchestrator.actions.registry import ACTIONS  # noqa: PLC0415 - heavy

        return ACTIONS

    @property
    def is_shared(self) -> bool:
        """Whether the database is one for many machines."""
        return is_shared(self.configuration.database)

    @functools.cached_property
    def store(self) -> Store:
        """The database of this home, or the shared one."""
        home = self.configuration.home
        target = self.configuration.database or home / "journal.db"
        clock = SystemClock() if self.is_shared else self.clock
        return open_store(target, clock=clock, owners=home / "owners")

    @functools.cached_property
    def clock(self) -> Clock:
        """This machine's clock, or that of the shared database."""
        return self.store.clock if self.is_shared else SystemClock()

    @functools.cached_property
    def journal(self) -> SqlJournal:
        """The journal of this home, or of the shared database."""
        return self.store.journal

    @functools.cached_property
    def owner(self) -> Owner:
        """This process in leases; its death is visible to others at once."""
        from orchestrator.store.owners import Owner  # noqa: PLC0415 - heavy

        return Owner(self.configuration.home / "owners")

    @functools.cached_property
    def vault(self) -> Vault:
        """The vault of this home, or of the shared database; the key is this machine's in either case."""
        from orchestrator.vault.file import FileVault  # noqa: PLC0415 - heavy
        from orchestrator.vault.key import load_key, load_shared_key  # noqa: PLC0415 - heavy
        from orchestrator.vault.shared import SharedVault  # noqa: PLC0415 - heavy

        home = self.configuration.home
        if self.is_shared:
            return SharedVault(self.store.sealed, lambda salt: load_shared_key(home, self.environ, salt))
        return FileVault(home / "vault", lambda: load_key(home, self.environ))

    def check_vault_key(self) -> None:
        """Find out early whether this machine has the key of a vault that is shared. Raises VaultError."""
        from orchestrator.vault.shared import SharedVault  # noqa: PLC0415 - heavy

        if isinstance(self.vault, SharedVault):
            self.vault.check_key()

    @functools.cached_property
    def logins(self) -> LoginGovernor:
        """Paces the logins of all processes that use the database."""
        from orchestrator.fleet.governor import CHUNK, LoginGovernor  # noqa: PLC0415 - with the network

        self.store.pace.forget_before(self.clock.now_s() - _PACE_KEPT_S)
        return LoginGovernor(
            self.clock.now_s,
            logins_per_s=self.logins_per_s,
            speed=self.configuration.speed,
            facts=self.store.pace,
            chunk=CHUNK,
        )

    def breaker(self) -> Breaker:
        """Holds runs of hosts in trouble: for all who share a database, or for this process."""
        from orchestrator.fleet.breaker import Breaker  # noqa: PLC0415 - with the fleet

        if self.is_shared:
            return Breaker(self.clock.now_s, speed=self.configuration.speed, facts=self.store.pace)
        return Breaker(time.monotonic, speed=self.configuration.speed)

    @functools.cached_property
    def network(self) -> Network:
        """The one door to the network."""
        return self._network(loopback_only=self.loopback_only)

    @functools.cached_property
    def _loopback(self) -> Network:
        """The door for runs in simulated time: it leads to loopback and nowhere else."""
        return self.network if self.loopback_only else self._network(loopback_only=True)

    def _network(self, *, loopback_only: bool) -> Network:
        from orchestrator.salesforce.connect_to import parse_connect_to  # noqa: PLC0415 - heavy
        from orchestrator.salesforce.session import Network, NetworkPolicy  # noqa: PLC0415 - heavy

        policy = NetworkPolicy(
            connect_to=tuple(parse_connect_to(rule) for rule in self.configuration.connect_to),
            loopback_only=loopback_only,
        )
        return Network(
            policy,
            clock_s=time.monotonic,
            sleep=self.stop.wait,
            stopping=self.stop.is_set,
            logins=self.logins,
        )

    def wake(self, runs: Sequence[str]) -> None:
        """Let the workers of a shared database look at *runs* now; alone there is nobody to wake."""
        wake_ups = self.store.wake_ups
        if wake_ups is not None:
            from orchestrator.fleet.queue import prepare  # noqa: PLC0415 - only where a database is shared

            prepare(wake_ups)
            wake_ups.queue(runs)

    def engine(
        self,
        observer: Observer,
        stopping: Callable[[], bool] = lambda: False,
        *,
        lease_ttl_s: float | None = None,
    ) -> Engine:
        """The engine, telling *observer* and asking *stopping*."""
        from orchestrator.engine.advance import LEASE_TTL_S, Engine  # noqa: PLC0415 - heavy
        from orchestrator.engine.history import History  # noqa: PLC0415 - heavy

        return Engine(
            journal=self.journal,
            clock=self.clock,
            actions=self.actions,
            machine_of=lambda digest: self.playbook_of(digest).machine,
            open_context=self.open_context,
            owner=self.owner.id,
            noise=self._random.random,
            observer=observer,
            stopping=stopping,
            history=History(self.journal, self.clock),
            lease_ttl_s=lease_ttl_s or LEASE_TTL_S,
        )

    def open_context(self, **fields: Any) -> RunContext:
        """The context of one attempt: the caller's fields and the rooms with effects."""
        from orchestrator.actions.base import RunContext  # noqa: PLC0415 - heavy

        return RunContext(
            clock=self.clock,
            vault=self.vault,
            network=self.network if fields["speed"] == 1.0 else self._loopback,
            resolve_secret=self.resolve_secret,
            environ=self.environ,
            open_browser=self.open_browser,
            **fields,
        )

    def resolve_secret(self, entry: Mapping[str, Any], name: str) -> Secret | None:
        """The secret that *entry* refers to under *name*; asked once per process when it is `prompt:`."""
        from orchestrator.vault.references import SecretReference, resolve  # noqa: PLC0415 - heavy

        text = entry.get("secrets", {}).get(name) or entry.get(name)
        if not text:
            return None
        owner = str(entry.get("name", ""))
        if (owner, str(text)) in self._prompted:
            return self._prompted[owner, str(text)]
        reference = SecretReference.parse(str(text))
        ask = None if self.prompt is None else (lambda question: self.prompt(f"{owner} {name} {question}"))  # type: ignore[misc]  # narrowed by the condition
        secret = resolve(
            reference,
            environ=self.environ,
            prompt=ask,
            base_dir=self.configuration.secrets_base,
            siblings=entry.get("secrets", {}).values(),
        )
        if str(text).startswith("prompt:"):
            self._prompted[owner, str(text)] = secret
        self._recent.append(secret)
        return secret

    @functools.lru_cache(maxsize=32)  # noqa: B019 - one App per process
    def playbook_of(self, digest: str) -> Playbook:
        """The compiled playbook a run was started with. Raises UsageError `playbook_outdated`."""
        try:
            return self.compile(self.journal.playbook(digest), f"playbook {digest[:12]}")
        except PlaybookError as error:
            first = str(error).splitlines()[0]
            raise UsageError(
                f"this version cannot read the playbook {digest[:12]} that the run was started with: {first}",
                code="playbook_outdated",
                remedy="`orchestrator resume RUN --adopt-playbook` lets it go on with the newer playbook of "
                "that name; or resume it with the version that started it",
            ) from error

    def compile(self, text: str, file: str) -> Playbook:
        """Compile with everything this installation knows. Raises PlaybookError."""
        from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - heavy
        from orchestrator.playbook.compiler import compile_playbook  # noqa: PLC0415 - heavy

        specs = {name: action.spec for name, action in self.actions.items()}
        return compile_playbook(text, file, specs, FAULTS)

    def new_batch(self, playbook: str) -> str:
        """The id of a new fleet: short enough to be typed."""
        return f"{playbook}-{secrets.token_hex(_BATCH_ID_BYTES)}"

    def new_run(
        self, entry: OrgEntry, playbook: Playbook, inputs: Mapping[str, Any], *, batch: str, priority: int
    ) -> NewRun:
        """A run of *playbook* for *entry*, standing at the initial state; nothing is written yet."""
        now_s = self.clock.now_s()
        decision = start(playbook.machine.scaled(self.configuration.speed), now_s)
        waiting = getattr(decision, "until_s", None)
        return NewRun(
            run=f"{entry.name}-{secrets.token_hex(_RUN_ID_BYTES)}",
            org=entry.name,
            playbook=playbook.name,
            playbook_digest=playbook.digest,
            org_entry=entry.public(),
            inputs=dict(inputs),
            position=decision.position,
            not_before_s=getattr(decision, "not_before_s", waiting or now_s),
            status=_status(decision),
            created_s=now_s,
            speed=self.configuration.speed,
            batch=batch,
            labels=entry.labels,
            priority=priority,
        )

    def close(self) -> None:
        """Release the database and the owner's mark, if they were opened."""
        if "store" in self.__dict__:
            self.journal.close()
        if "owner" in self.__dict__:
            self.owner.close()


def _status(decision: object) -> RunStatus:
    if isinstance(decision, Halt):
        return RunStatus.FINISHED
    return RunStatus.AWAITING_OPERATOR if hasattr(decision, "until_s") else RunStatus.ACTIVE

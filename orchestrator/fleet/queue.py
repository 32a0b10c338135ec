"""Many machines drive one fleet: Procrastinate's worker fetches wake-ups, and each drives its run on.

The queue is an alarm clock and the journal the truth: a job says "look at this run", and whether there is
anything to do is decided under the lease. This worker also keeps its leases alive, drops the jobs of workers
that went silent, makes wake-ups that are missing, and opens the next wave, as every other worker does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from orchestrator.errors import OrchestratorError
from orchestrator.fleet.waking import Waker
from orchestrator.store.faults import store_error
from orchestrator.store.wake_ups import TASK, WakeUps

if TYPE_CHECKING:
    import procrastinate

DEFAULT_TAKEOVER_S = 30.0
"""Within this time the runs of a worker that died, stands still or is cut off are driven by others."""

# Times a job that is due may lie unseen: Procrastinate tells of new jobs, not of those that become due.
_POLL_S = 0.25
_AGAIN_S = 1.0
_NEVER_S = 86_400.0
_CLOSE_WITHIN_S = 5.0

Trouble = Callable[[OrchestratorError], None]


def lease_ttl_s(takeover_s: float) -> float:
    """How long a lease outlives the last sign of life: half of the takeover time, the rest is for others."""
    return takeover_s / 2


def prepare(wake_ups: WakeUps) -> None:
    """Make the queue's tables where they are missing.

    Raises:
        StoreError: `journal_driver_missing` without the extra, or the database cannot be used.
    """
    schema_manager = _procrastinate().schema.SchemaManager
    if not wake_ups.is_prepared():
        wake_ups.prepare(schema_manager.get_schema())


class QueueWorker:
    """Answers wake-ups on at most *concurrency* threads, until it is told to stop.

    Args:
        waker: answers one wake-up.
        wake_ups: the jobs.
        concurrency: threads that drive runs.
        takeover_s: see `DEFAULT_TAKEOVER_S`.
        queues: batches to work for; None for all.
        trouble: told of errors that concern the worker and not one run, such as a database out of reach.
    """

    def __init__(
        self,
        waker: Waker,
        wake_ups: WakeUps,
        *,
        concurrency: int,
        takeover_s: float = DEFAULT_TAKEOVER_S,
        queues: Sequence[str] | None = None,
        trouble: Trouble = lambda _error: None,
    ) -> None:
        self._waker = waker
        self._wake_ups = wake_ups
        self._concurrency = concurrency
        self._takeover_s = takeover_s
        self._queues = None if queues is None else [name[:128] for name in queues]
        self._trouble = trouble
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: Any = None  # Procrastinate's; its methods carry no types
        self._threads = [
            threading.Thread(target=self._fetch, name="wake-ups"),
            threading.Thread(target=self._keep_house, name="leases"),
        ]

    def __enter__(self) -> Self:
        """Start working, in threads of its own."""
        prepare(self._wake_ups)
        for name in ("procrastinate", "psycopg.pool"):  # what they would say, `trouble` is told
            logging.getLogger(name).setLevel(logging.CRITICAL)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Fetch nothing more, and return when the runs under way are parked."""
        self._stop.set()
        worker, loop = self._worker, self._loop
        if worker is not None and loop is not None and not loop.is_closed():
            worker.stop()
        for thread in self._threads:
            thread.join()

    def _fetch(self) -> None:
        """Fetch and answer wake-ups; begin anew when the database was gone."""
        while not self._stop.is_set():
            try:
                asyncio.run(self._work())
            except Exception as error:  # noqa: BLE001 - whatever it is, the others take over and we try again
                self._trouble(_ours(error))
            self._stop.wait(_AGAIN_S)

    async def _work(self) -> None:
        library = _procrastinate()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)  # a job of ours that somebody else finished
        connector = library.PsycopgConnector(
            conninfo=self._wake_ups.conninfo.reveal(), min_size=1, max_size=4, timeout=_CLOSE_WITHIN_S
        )
        app = library.App(connector=connector)
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="run") as pool:

            async def advance(run: str) -> None:
                await loop.run_in_executor(pool, self._answer, run)

            app.task(name=TASK)(advance)
            async with app.open_async():
                await self._served(app)

    async def _served(self, app: procrastinate.App) -> None:
        from procrastinate.worker import Worker  # noqa: PLC0415 - only workers need it

        self._worker = Worker(
            app,
            queues=self._queues,
            name="orchestrator",
            concurrency=self._concurrency,
            fetch_job_polling_interval=_POLL_S,
            abort_job_polling_interval=_NEVER_S,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=self._takeover_s / 10,
            stalled_worker_timeout=_NEVER_S,
        )
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._worker.run())
        await asyncio.sleep(0)
        if self._stop.is_set():  # asked to stop while we connected
            self._worker.stop()
        await task

    def _answer(self, run: str) -> None:
        """One wake-up, on a thread of the pool."""
        try:
            if self._stop.is_set():
                self._wake_ups.queue([run])
            else:
                self._waker.wake(run)
        except OrchestratorError as error:
            self._trouble(error)

    def _keep_house(self) -> None:
        """Show that we live, several times within a lease's life; look after what others left behind."""
        ttl_s = lease_ttl_s(self._takeover_s)
        engine = self._waker.engine
        every_s = self._takeover_s / 10
        beats = 0
        while not self._stop.is_set():
            try:
                engine.journal.renew(engine.owner, now_s=engine.clock.now_s(), ttl_s=ttl_s)
                if beats % 2 == 0:
                    self._wake_ups.sweep(stalled_after_s=ttl_s)
                    self._waker.look_after_batches()
            except OrchestratorError as error:
                self._trouble(error)
            beats += 1
            self._stop.wait(every_s)


def _procrastinate() -> Any:
    """The library of the optional extra. Raises StoreError `journal_driver_missing`."""
    try:
        import procrastinate  # noqa: PLC0415 - only where a database is shared
        import procrastinate.schema  # noqa: PLC0415 - likewise
    except ImportError:
        raise store_error(
            "journal_driver_missing", "a shared database needs the packages of the extra 'postgres'"
        ) from None
    return procrastinate


def _ours(error: Exception) -> OrchestratorError:
    """What the queue's library says, as an error of our tree."""
    if isinstance(error, OrchestratorError):
        return error
    cause = error.__cause__ or error
    text = " ".join(f"{type(cause).__name__}: {cause}".split())
    return store_error("journal_unreachable", f"the queue cannot be used ({text})")

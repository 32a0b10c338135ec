"""The queue's jobs, derived from the journal: for every run that may be woken, one that is due when it is.

Procrastinate's tables lie in the same database. A job is only an alarm clock: it names a run, and everything
it is made of (when, how urgent, in which queue) is read from the run's row in the statement that makes it. So
a job that is missing, doubled or late does no harm, and making them anew is always right.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from orchestrator.store.engine import Database, outlasting

TASK = "advance"
_SCHEMA_LOCK = 0x6F726369  # any number, the same in every process
_SWEEP_LOCK = 0x6F72636A  # likewise
_BEGUN_FIRST = 1_000_000
_LARGEST_SWEEP = 5_000

# The run that has begun goes before the one that has not, then the earlier wave (the larger number is taken
# first). A job of that run which waits already is moved: the newest row of the journal is right.
_QUEUE = f"""
    INSERT INTO procrastinate_jobs
        (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
    SELECT left(run.batch, 128), '{TASK}',
        (CASE WHEN run.seq > 0 THEN {_BEGUN_FIRST} ELSE 0 END) - run.priority,
        run.run, run.run, jsonb_build_object('run', run.run),
        greatest(to_timestamp(run.not_before_s), clock_timestamp() + make_interval(secs => :delay_s))
    FROM run JOIN gate ON gate.run = run.run AND gate.held = 0
    WHERE run.status IN ('active', 'awaiting_operator') AND {{which}}
    ORDER BY run.run
    ON CONFLICT (queueing_lock) WHERE status = 'todo'
    DO UPDATE SET scheduled_at = excluded.scheduled_at, priority = excluded.priority
"""  # noqa: S608 - constants of this module
_OF_RUNS = sa.text(_QUEUE.format(which="run.run = ANY(:runs)"))
_WITHOUT_A_JOB = """
    run.run IN (
        SELECT run.run FROM run
        JOIN gate ON gate.run = run.run AND gate.held = 0
        LEFT JOIN procrastinate_jobs waits ON waits.queueing_lock = run.run AND waits.status = 'todo'
        LEFT JOIN procrastinate_jobs works ON works.lock = run.run AND works.status = 'doing'
        WHERE run.status IN ('active', 'awaiting_operator') AND run.status != 'finished'
            AND ((waits.id IS NULL AND works.id IS NULL) OR (run.status = 'active'
                AND waits.scheduled_at > greatest(to_timestamp(run.not_before_s), clock_timestamp())
                    + make_interval(secs => :late_s)))
        LIMIT :most)
"""
_MISSING = sa.text(_QUEUE.format(which=_WITHOUT_A_JOB))
_DROP_STALLED = sa.text(f"""
    DELETE FROM procrastinate_jobs job
    WHERE job.status = 'doing' AND job.task_name = '{TASK}' AND (job.worker_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM procrastinate_workers worker WHERE worker.id = job.worker_id
            AND worker.last_heartbeat >= clock_timestamp() - make_interval(secs => :stalled_after_s)))
""")  # noqa: S608 - constants of this module
# A wake-up may be postponed (a host in trouble, a secret this machine cannot read), but not for longer.
LONGEST_DELAY_S = 300.0


class WakeUps:
    """The jobs of all runs of a shared database.

    Args:
        database: an open PostgreSQL database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.conninfo = database.conninfo()

    def prepare(self, schema_sql: str) -> None:
        """Make the queue's tables with *schema_sql* where they are missing. Raises StoreError."""
        with self._database.writing() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            if connection.execute(sa.text("SELECT to_regclass('procrastinate_jobs')")).scalar() is None:
                cursor = connection.connection.cursor()
                cursor.execute(schema_sql)  # many statements at once, which SQLAlchemy would not send
                cursor.close()

    @outlasting
    def queue(self, runs: Sequence[str], *, delay_s: float = 0.0) -> None:
        """Let *runs* be woken when they are due, and not sooner than in *delay_s*. Raises StoreError."""
        with self._database.writing() as connection:
            connection.execute(_OF_RUNS, {"runs": list(runs), "delay_s": min(delay_s, LONGEST_DELAY_S)})

    def sweep(self, *, stalled_after_s: float) -> int:
        """Drop jobs of workers that show no sign of life, and make those that are missing; how many.

        One process at a time does it; whoever comes meanwhile finds nothing to do.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._database.writing() as connection:
            alone = sa.select(sa.func.pg_try_advisory_xact_lock(_SWEEP_LOCK))
            if not connection.execute(alone).scalar_one():
                return 0
            connection.execute(_DROP_STALLED, {"stalled_after_s": stalled_after_s})
            late = {"delay_s": 0.0, "late_s": LONGEST_DELAY_S + 1.0, "most": _LARGEST_SWEEP}
            return connection.execute(_MISSING, late).rowcount

    def is_prepared(self) -> bool:
        """Whether the queue's tables are there. Raises StoreError."""
        with self._database.reading() as connection:
            found = connection.execute(sa.text("SELECT to_regclass('procrastinate_jobs')")).scalar()
        return found is not None

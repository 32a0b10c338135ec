"""What the command line and the environment say, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import texts
from orchestrator.errors import Diagnostic, TextsFileError, UsageError


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the command line and the environment say.

    Attributes:
        home: folder of journal, vault and reports.
        database: SQLAlchemy URL; None for SQLite inside home.
        connect_to: rules as written.
        speed: divisor of machine waits.
        texts: file with the user's own sentences; None when there is none.
        secrets_base: folder that relative `file:` references start from.
    """

    home: Path
    database: str | None = None
    connect_to: tuple[str, ...] = ()
    speed: float = 1.0
    texts: Path | None = None
    secrets_base: Path = field(default_factory=Path.cwd)

    @classmethod
    def from_options(
        cls,
        *,
        home: str | None,
        database: str | None,
        connect_to: Sequence[str],
        speed: float,
        environ: Mapping[str, str],
        secrets_base: Path | None = None,
    ) -> Configuration:
        """Options win over ORCHESTRATOR_HOME, ORCHESTRATOR_DATABASE and ORCHESTRATOR_CONNECT_TO.

        The user's own sentences are those of ORCHESTRATOR_TEXTS, else of `texts.yaml` in home.
        """
        chosen = home or environ.get("ORCHESTRATOR_HOME")
        if chosen is None:
            from platformdirs import user_state_path  # noqa: PLC0415 - only without a home given

            path = user_state_path("orchestrator", appauthor=False)
        else:
            path = Path(chosen).expanduser()
        rules = tuple(connect_to) or tuple(
            rule for rule in environ.get("ORCHESTRATOR_CONNECT_TO", "").split(",") if rule
        )
        if speed <= 0:
            raise UsageError("--speed must be greater than 0", code="speed_invalid")
        return cls(
            home=path.absolute(),
            database=database or environ.get("ORCHESTRATOR_DATABASE"),
            connect_to=rules,
            speed=speed,
            texts=_texts_file(path, environ.get("ORCHESTRATOR_TEXTS")),
            secrets_base=secrets_base or Path.cwd(),
        )


def use_texts(file: Path | None) -> None:
    """Let the user's own sentences stand before ours. Raises TextsFileError, UsageError."""
    try:
        texts.lay_over(file)
    except texts.TextsInvalid as wrong:
        raise TextsFileError(
            [
                Diagnostic(one.file, one.line, one.column, TextsFileError.code, one.problem, one.remedy)
                for one in wrong.findings
            ]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the texts of {file}: {error}",
            code="file_unreadable",
            remedy="check path, permissions and encoding (UTF-8), or unset ORCHESTRATOR_TEXTS",
        ) from error


def _texts_file(home: Path, named: str | None) -> Path | None:
    """A file that is named must exist; the one in home may."""
    if named:
        return Path(named).expanduser()
    usual = home / "texts.yaml"
    return usual if usual.is_file() else None

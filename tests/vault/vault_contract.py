"""Vaults of both kinds, for the tests of what both promise."""

from __future__ import annotations

from orchestrator.ports import SystemClock
from orchestrator.store import open_store
from orchestrator.vault.file import FileVault
from orchestrator.vault.shared import SharedVault


class Places:
    """Opens vaults on one place, each as another process would see it."""

    def __init__(self, kind, where):
        self.kind = kind
        self.where = where
        self.stores = []

    def vault(self, key):
        """Another view of the vault, with that key."""
        if self.kind == "files":
            return FileVault(self.where / "vault", lambda: key)
        return SharedVault(self.store().sealed, lambda _salt: key)

    def store(self):
        self.stores.append(open_store(self.where, clock=SystemClock()))
        return self.stores[-1]

    def sealed(self):
        """Every sealed entry: place -> bytes."""
        if self.kind == "files":
            return {path.stem: path.read_bytes() for path in (self.where / "vault").glob("*.sealed")}
        return dict(self.store().sealed.entries())

    def replace(self, place, content):
        """Write over an entry as an intruder would."""
        if self.kind == "files":
            (self.where / "vault" / f"{place}.sealed").write_bytes(content)
        else:
            self.store().sealed.change(place, lambda _before: content)

    def close(self):
        for store in self.stores:
            store.journal.close()

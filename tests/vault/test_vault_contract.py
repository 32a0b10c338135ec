"""What every vault promises, in files, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading

import pytest
from vault_contract import Places

from orchestrator.errors import VaultError
from orchestrator.redaction import Secret
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.key import load_shared_key
from orchestrator.vault.shared import SharedVault

KEY = VaultKey(bytes(range(32)), "file")
OTHER_KEY = VaultKey(bytes(range(1, 33)), "file")
CANARY = "canary-7f3a91c2-never-in-clear"


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def places(request, home):
    where = {"files": home, "sqlite": home / "journal.db"}.get(request.param)
    opened = Places(request.param, where or request.getfixturevalue("shared_database"))
    yield opened
    opened.close()


def test_a_value_comes_back_from_another_view_of_the_vault(places):
    places.vault(KEY).put("org:acme", "private_key", Secret("-----BEGIN\nä\n"))
    again = places.vault(KEY)
    assert again.get("org:acme", "private_key") == Secret("-----BEGIN\nä\n")
    assert again.get("org:acme", "other") is None
    assert again.get("org:none", "private_key") is None


def test_a_newer_value_replaces_the_older_and_many_are_put_at_once(places):
    vault = places.vault(KEY)
    vault.put("org:acme", "token", Secret("first"))
    vault.put_all("org:acme", {"token": Secret("second"), "key": Secret("k")})
    assert vault.get("org:acme", "token") == Secret("second")
    assert vault.names("org:acme") == ["key", "token"]


def test_what_is_forgotten_leaves_no_entry(places):
    vault = places.vault(KEY)
    vault.forget("org:none")
    vault.put("org:a", "x", Secret("1"))
    vault.put("org:a", "y", Secret("2"))
    vault.put("org:b", "x", Secret("3"))
    vault.forget("org:a", "x")
    vault.forget("org:a", "x")
    assert (vault.scopes(), vault.names("org:a")) == (["org:a", "org:b"], ["y"])
    vault.forget("org:a", "y")
    vault.forget("org:b")
    assert (vault.scopes(), places.sealed()) == ([], {})


@pytest.mark.parametrize("scope", ["../up", "a/b", "A", "", "x" * 5000, "nul\x00", "ä", "%s"])
def test_any_text_can_be_a_scope_and_a_name(places, scope):
    vault = places.vault(KEY)
    vault.put(scope, scope, Secret("value\x00"))
    assert (vault.scopes(), vault.names(scope)) == ([scope], [scope])
    assert vault.get(scope, scope) == Secret("value\x00")


def test_another_key_is_told_from_a_changed_entry_and_changes_nothing(places):
    places.vault(KEY).put("org:acme", "x", Secret("1"))
    before = places.sealed()
    wrong = places.vault(OTHER_KEY)
    for use in (
        lambda: wrong.get("org:acme", "x"),
        lambda: wrong.put("org:acme", "x", Secret("2")),
        lambda: wrong.names("org:acme"),
        wrong.scopes,
    ):
        with pytest.raises(VaultError) as caught:
            use()
        assert caught.value.code == "vault_key_wrong"
    assert places.sealed() == before


def test_no_byte_of_an_entry_can_be_changed_unseen(places):
    places.vault(KEY).put("org:acme", "x", Secret("1"))
    [(place, sealed)] = places.sealed().items()
    for at in range(0, len(sealed), 7):
        places.replace(place, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(VaultError) as caught:
            places.vault(KEY).get("org:acme", "x")
        assert caught.value.code == "vault_tampered"


def test_entries_of_two_scopes_cannot_change_places(places):
    vault = places.vault(KEY)
    vault.put("org:a", "x", Secret("of a"))
    vault.put("org:b", "x", Secret("of b"))
    first, second = places.sealed().items()
    places.replace(first[0], second[1])
    places.replace(second[0], first[1])
    for scope in ("org:a", "org:b"):
        with pytest.raises(VaultError) as caught:
            vault.get(scope, "x")
        assert caught.value.code == "vault_tampered"


def test_no_secret_scope_or_name_is_in_any_entry(places):
    places.vault(KEY).put(f"org:{CANARY}", CANARY, Secret(CANARY))
    for place, sealed in places.sealed().items():
        assert CANARY.encode() not in sealed
        assert CANARY not in place


def test_threads_with_vaults_of_their_own_lose_nothing(places):
    vaults = [places.vault(KEY) for _ in range(4)]

    def fill(number):
        for count in range(5):
            vaults[number].put("org:acme", f"{number}-{count}", Secret("v"))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vaults[0].names("org:acme")) == 20


@pytest.fixture
def shared(shared_database):
    opened = Places("postgresql", shared_database)
    yield opened
    opened.close()


def test_one_passphrase_is_one_key_on_every_machine(shared, tmp_path):
    environ = {"ORCHESTRATOR_KEY": "correct horse battery staple"}

    def machine(name):
        return SharedVault(
            shared.store().sealed, lambda salt: load_shared_key(tmp_path / name, environ, salt)
        )

    machine("first").put("org:acme", "x", Secret("1"))
    assert machine("second").get("org:acme", "x") == Secret("1")


def test_a_vault_nobody_has_used_has_no_key_to_check(shared):
    places = shared
    places.vault(KEY).check_key()
    places.vault(OTHER_KEY).put("org:acme", "x", Secret("1"))
    with pytest.raises(VaultError) as caught:
        places.vault(KEY).check_key()
    assert caught.value.code == "vault_key_wrong"
    assert "ORCHESTRATOR_KEY" in caught.value.remedy


def test_a_changed_record_of_the_key_is_named(shared):
    shared.vault(KEY).put("org:acme", "x", Secret("1"))
    store = shared.store()
    for damage in ("'{}'", "'not json'", r"replace(encode(record, 'escape'), 'check', 'other')::bytea"):
        with store.journal._database.writing() as connection:
            connection.exec_driver_sql(f"UPDATE vault_key SET record = {damage}")  # noqa: S608 - a constant
        with pytest.raises(VaultError) as caught:
            shared.vault(KEY).get("org:acme", "x")
        assert caught.value.code == "vault_tampered"

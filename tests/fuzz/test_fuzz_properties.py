"""Everything that parses bytes from outside obeys the law, for its corpus and what Hypothesis makes of it.

The examples are the same in every run, so a failure here is a failure everywhere; `make fuzz` looks further.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .law import CORPUS, obey
from .mutations import json_seeds, json_with_another_node, mutated, xml_seeds, xml_with_another_node
from .targets import TARGETS

MOST_CORPUS_BYTES = 1024 * 1024
SLOW = frozenset(
    {"soap", "rest", "facts", "packages", "journal_file", "journal_rows", "sf_output", "vault_file"}
)
WITH_JSON = ("rest", "deploy_rest", "token", "discovery", "packages", "facts", "plan_file", "sf_output")
same_every_time = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(
        Phase.generate,
    ),  # shrinking takes long, and the input as it was found goes into the corpus anyway
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_of_the_corpus_is_answered_or_refused(name: str) -> None:
    target = TARGETS[name]
    assert target.seeds(), "a target needs a corpus"
    for given_bytes in target.seeds():
        obey(target, given_bytes)


@pytest.mark.parametrize("name", TARGETS)
def test_what_becomes_of_the_corpus_is_answered_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(same_every_time, max_examples=25 if name in SLOW else 100)
    @given(mutated(target))
    def judged(given_bytes: bytes) -> None:
        obey(target, given_bytes)

    judged()


@pytest.mark.parametrize("name", WITH_JSON)
def test_a_json_answer_with_a_node_of_another_kind_is_answered_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(same_every_time, max_examples=60)
    @given(json_with_another_node(json_seeds(target)))
    def judged(given_bytes: bytes) -> None:
        obey(target, given_bytes)

    judged()


def test_a_soap_answer_with_an_element_of_another_kind_is_answered_or_refused() -> None:
    target = TARGETS["soap"]

    @settings(same_every_time, max_examples=150)
    @given(xml_with_another_node(xml_seeds(target)))
    def judged(given_bytes: bytes) -> None:
        obey(target, given_bytes)

    judged()


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in SLOW])
def test_any_bytes_at_all_are_answered_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(same_every_time, max_examples=20)
    @given(st.binary(max_size=64))
    def judged(given_bytes: bytes) -> None:
        obey(target, given_bytes)

    judged()


def test_the_corpora_belong_to_the_targets_and_stay_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.glob("*/*")) < MOST_CORPUS_BYTES

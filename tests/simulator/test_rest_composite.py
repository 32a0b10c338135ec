"""Several records or requests in one REST call, with all-or-none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def token(world):
    return world.admin_token()


def account(name, **fields):
    return {"attributes": {"type": "Account"}, "Name": name, **fields}


def names(world, token):
    return {row["Name"] for row in world.query("SELECT Name FROM Account", token)}


def test_records_are_created_updated_read_and_deleted_together(world, token):
    made = world.rest(
        "POST", "/composite/sobjects", token, json={"records": [account("A"), account("B")]}
    ).json()
    ids = [each["id"] for each in made]
    assert [each["success"] for each in made] == [True, True]
    changes = {"records": [{"attributes": {"type": "Account"}, "id": ids[0], "Name": "A2"}]}
    assert world.rest("PATCH", "/composite/sobjects", token, json=changes).json()[0]["success"]
    path = "/composite/sobjects/Account"
    read = world.rest(
        "POST", path, token, json={"ids": [*ids, "001000000000001AAA"], "fields": ["Name"]}
    ).json()
    assert [row and row["Name"] for row in read] == ["A2", "B", None]
    gone = world.rest("DELETE", "/composite/sobjects", token, params={"ids": ",".join(ids)}).json()
    assert [each["success"] for each in gone] == [True, True]
    assert not {"A2", "B"} & names(world, token)


@pytest.mark.parametrize(("is_all_or_none", "stays"), [(True, False), (False, True)])
def test_one_bad_record_takes_the_others_back_only_if_asked(world, token, is_all_or_none, stays):
    document = {"allOrNone": is_all_or_none, "records": [account("Good"), account("")]}
    results = world.rest("POST", "/composite/sobjects", token, json=document).json()
    assert [each["success"] for each in results] == [stays, False]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert ("Good" in names(world, token)) == stays


def test_too_many_records_are_refused_as_a_whole(world, token):
    document = {"records": [account(f"N{number}") for number in range(201)]}
    answer = world.rest("POST", "/composite/sobjects", token, json=document)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_a_later_request_uses_the_answer_of_an_earlier_one(world, token):
    document = {
        "compositeRequest": [
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Account",
                "referenceId": "made",
                "body": {"Name": "Composed"},
            },
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Contact",
                "referenceId": "person",
                "body": {"LastName": "Of It", "AccountId": "@{made.id}"},
            },
            {
                "method": "GET",
                "url": "/services/data/v66.0/sobjects/Account/@{made.id}",
                "referenceId": "read",
            },
        ]
    }
    answers = world.rest("POST", "/composite", token, json=document).json()["compositeResponse"]
    assert [each["httpStatusCode"] for each in answers] == [201, 201, 200]
    assert answers[2]["body"]["Name"] == "Composed"
    text = "SELECT Account.Name FROM Contact WHERE LastName = 'Of It'"
    assert world.query(text, token)[0]["Account"]["Name"] == "Composed"


def test_a_failure_rolls_the_whole_composite_back_if_asked(world, token):
    document = {
        "allOrNone": True,
        "compositeRequest": [
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Account",
                "referenceId": "a",
                "body": {"Name": "Ghost"},
            },
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Account",
                "referenceId": "b",
                "body": {},
            },
        ],
    }
    answers = world.rest("POST", "/composite", token, json=document).json()["compositeResponse"]
    assert answers[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert answers[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert "Ghost" not in names(world, token)


def test_a_batch_answers_each_request_by_itself(world, token):
    document = {
        "batchRequests": [
            {"method": "GET", "url": "v66.0/limits"},
            {"method": "GET", "url": "v66.0/sobjects/Nope"},
            {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "Batched"}},
        ]
    }
    answer = world.rest("POST", "/composite/batch", token, json=document).json()
    assert answer["hasErrors"] is True
    assert [each["statusCode"] for each in answer["results"]] == [200, 404, 201]
    assert "Batched" in names(world, token)


def test_composites_do_not_nest_and_bodies_must_be_lists(world, token):
    nested = {
        "compositeRequest": [{"method": "POST", "url": "/services/data/v66.0/composite", "referenceId": "x"}]
    }
    assert world.rest("POST", "/composite", token, json=nested).status_code == 400
    assert world.rest("POST", "/composite", token, json={"compositeRequest": "all"}).status_code == 400
    unknown = {"compositeRequest": [{"method": "GET", "url": "/services/data/v66.0/sobjects/@{nobody.id}"}]}
    assert world.rest("POST", "/composite", token, json=unknown).json()[0]["errorCode"] == "PROCESSING_HALTED"

"""Secrets are shown by nothing, and signers add exactly one header."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import replace

import msgspec
import pytest

from switch_grpc.credentials.signer import HeaderKey, NoAuth, Secret, fingerprint
from switch_grpc.providers.dialects.base import Binding, WireRequest

VALUE = "sk-live-4242424242424242"
SECRET = Secret(VALUE)
REQUEST = WireRequest(url="http://x/v1", headers={"a": "b"}, body=b"{}")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031
        "{} {!r}".format(SECRET, SECRET),  # noqa: UP032
        repr([SECRET]),
        repr({"key": SECRET}),
        repr(HeaderKey(SECRET)),
        repr(replace(HeaderKey(SECRET), header="x")),
        repr(HeaderKey(SECRET).sign(REQUEST)),
        repr(Binding(target="a", provider="b", model="c", base_url="d", headers={"authorization": VALUE})),
        json.dumps(repr(SECRET)),
    ],
)
def test_no_text_of_it_shows_it(shown: str):
    assert VALUE not in shown
    assert VALUE[8:] not in shown


@pytest.mark.parametrize(
    "give_away",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        vars,
        bytes,
        list,
        lambda secret: "" + secret,
        lambda secret: secret.__dict__,
    ],
)
def test_nothing_turns_it_into_something_else(give_away):
    with pytest.raises((TypeError, AttributeError)) as raised:
        give_away(SECRET)
    assert VALUE not in str(raised.value)


def test_no_traceback_shows_it_not_even_with_locals():
    def fails(secret: Secret, signer: HeaderKey, request: WireRequest) -> None:
        signed = signer.sign(request)
        raise ValueError(f"{secret} {signer} {signed}")

    try:
        fails(SECRET, HeaderKey(SECRET), REQUEST)
    except ValueError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert VALUE not in text.replace('VALUE = "' + VALUE, "")


def test_no_log_line_shows_it(caplog: pytest.LogCaptureFixture):
    logging.getLogger("x").warning("%s %r %s", SECRET, SECRET, {"key": HeaderKey(SECRET)})
    assert VALUE not in caplog.text


def test_secrets_are_equal_by_value_and_nothing_else_is_equal_to_one():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_fingerprint_tells_secrets_apart_and_gives_none_away():
    one, other = fingerprint(Secret("a")), fingerprint(Secret("b"))
    assert one != other
    assert one == fingerprint(Secret("a"))
    assert (len(one), int(one, 16) >= 0) == (8, True)


@pytest.mark.parametrize(
    ("signer", "added"),
    [
        (HeaderKey(SECRET), {"authorization": f"Bearer {VALUE}"}),
        (HeaderKey(SECRET, "x-api-key", ""), {"x-api-key": VALUE}),
        (NoAuth(), {}),
    ],
)
def test_a_signer_adds_its_header_and_leaves_the_given_request_as_it_was(signer, added: dict[str, str]):
    signed = signer.sign(REQUEST)
    assert signed.headers == {"a": "b", **added}
    assert (signed.url, signed.body, signed.method) == (REQUEST.url, REQUEST.body, REQUEST.method)
    assert REQUEST.headers == {"a": "b"}


def test_a_signer_replaces_a_header_that_the_request_has():
    other = msgspec.structs.replace(REQUEST, headers={"authorization": "Bearer other"})
    signed = HeaderKey(SECRET).sign(other)
    assert signed.headers == {"authorization": f"Bearer {VALUE}"}

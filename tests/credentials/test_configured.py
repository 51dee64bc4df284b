"""The configuration of a store as the source of its secret."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from switch_grpc.config import effective, stores
from switch_grpc.credentials.aws import FileKeys
from switch_grpc.credentials.configured import source_of
from switch_grpc.credentials.google import ServiceAccount
from switch_grpc.credentials.sources import FileSource, Source
from switch_grpc.faults import Fault
from switch_grpc.providers.dialects.base import WireReply, WireRequest


async def no_post(request: WireRequest) -> WireReply:
    raise AssertionError("nothing is to be asked")


def source(kind: str, kept_in: str, keys: stores.Place, environ: Mapping[str, str] | None = None) -> Source:
    given: dict[str, Any] = {"type": kind, "source": kept_in, "config": keys}
    made = effective.CredentialStore(id="prod", cache_ttl=60.0, rotation=stores.Rotation(), **given)
    return source_of(made, environ or {}, no_post, lambda: 0.0)


async def test_a_files_field_reaches_every_kind_of_credential():
    file, place = Path("/secrets/all.json"), {"path": "/secrets/all.json", "field": "key"}
    assert source("simple", "file", stores.SimpleKeys(**place)) == FileSource(file, "key")
    assert source("azure", "file", stores.AzureKeys(**place)) == FileSource(file, "key")
    assert source("aws", "file", stores.AwsKeys(**place)) == FileKeys(file, "key")
    google = source("google", "file", stores.GoogleKeys(**place))
    assert isinstance(google, ServiceAccount)
    assert google.key == FileSource(file, "key")


async def test_what_this_build_cannot_resolve_says_so():
    with pytest.raises(Fault, match="simple credentials from vault"):
        await source("simple", "vault", stores.SimpleKeys(path="secret/data/x")).fetch()

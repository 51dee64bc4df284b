"""Places that hold a secret."""

from pathlib import Path

import pytest

from switch_grpc.credentials.sources import EnvSource, FileSource
from switch_grpc.credentials.store import CredentialStore
from switch_grpc.faults import Fault, Kind


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    file = path / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


async def refusal(source: EnvSource | FileSource) -> str:
    with pytest.raises(Fault) as raised:
        await source.fetch()
    assert raised.value.kind is Kind.CREDENTIALS
    return raised.value.message


async def test_a_variable_is_read_anew_at_each_fetch():
    environ = {"KEY": " first\n"}
    source = EnvSource("KEY", environ)
    assert (await source.fetch()).reveal() == "first"
    environ["KEY"] = "second"
    assert (await source.fetch()).reveal() == "second"
    assert "KEY is not set" in await refusal(EnvSource("KEY", {"KEY": " "}))


async def test_a_file_holds_the_secret_alone(tmp_path: Path):
    assert (await FileSource(written(tmp_path, "s3cret\n")).fetch()).reveal() == "s3cret"


async def test_a_file_that_others_may_read_is_refused(tmp_path: Path):
    assert "mode 0644; make it 0640" in await refusal(FileSource(written(tmp_path, "s3cret", 0o644)))


async def test_an_empty_or_missing_file_is_named(tmp_path: Path):
    assert "is empty" in await refusal(FileSource(written(tmp_path, "\n")))
    assert "/nowhere cannot be read" in await refusal(FileSource(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"key": "s3cret", "other": 1}', "s3cret"),
        ('{"other": {"key": "no"}, "key": " s3cret\\n"}', "s3cret"),
        ('{"key": {"client_email": "a"}}', '{"client_email": "a"}'),
    ],
)
async def test_a_field_takes_one_member_of_the_files_json(tmp_path: Path, text: str, secret: str):
    """The whole document once went out as the key."""
    assert (await FileSource(written(tmp_path, text), "key").fetch()).reveal() == secret


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        '["s3cret"]',
        '{"kee": "s3cret"}',
        '{"key": ""}',
        '{"key": 5, "x": "s3cret"}',
        '{"key": null}',
        '{"key": "s3cret',
        '"s3cret"',
        "[" * 10_000,
    ],
)
async def test_a_file_without_the_field_is_refused_by_its_name_and_shows_nothing(tmp_path: Path, text: str):
    source = FileSource(written(tmp_path, text), "key")
    said = await refusal(source)
    assert str(source.path) in said
    assert "'key'" in said
    assert "s3cret" not in said


async def test_the_store_is_named_too(tmp_path: Path):
    source = FileSource(written(tmp_path, "{}"), "key")
    with pytest.raises(Fault, match=r"credential store 'prod': .*'key'"):
        await CredentialStore("prod", source, ttl=60, timeout=5).signer("bearer", 0.0)

"""The committed stubs say what the .proto files say.

`make check` compares the generated text byte for byte, with the pinned generator in an environment of its
own; this compares the meaning, and needs nothing but the tools at hand.
"""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[1]
BUF = Path(sys.executable).parent / "buf"
GOLDEN = ROOT / "proto/golden/switch.binpb"


@pytest.fixture(scope="module")
def sources() -> dict[str, FileDescriptorProto]:
    """What the .proto files say now, by file name."""
    build = [BUF, "build", "proto", "--exclude-source-info", "--output", "-"]
    image = subprocess.run(build, cwd=ROOT, check=True, capture_output=True).stdout
    return {file.name: file for file in FileDescriptorSet.FromString(image).file}


def stub(name: str) -> FileDescriptorProto:
    """What the module generated from the file of this name says."""
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    return FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


def plain(file: FileDescriptorProto) -> FileDescriptorProto:
    """Without what compilers add each in their way: buf's own extension, and the JSON names."""
    copy = FileDescriptorProto.FromString(file.SerializeToString())
    copy.DiscardUnknownFields()
    messages = list(copy.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for field in message.field:
            field.ClearField("json_name")
    return copy


def test_every_proto_has_stubs_that_say_the_same(sources: dict[str, FileDescriptorProto]) -> None:
    ours = {name: plain(file) for name, file in sources.items() if name.startswith("switch_grpc/")}
    assert ours
    assert {name: plain(stub(name)) for name in ours} == ours


def test_no_stub_outlives_its_proto(sources: dict[str, FileDescriptorProto]) -> None:
    stubs = {
        f"switch_grpc/v1/{p.name.removesuffix('_pb2.py')}.proto"
        for p in (ROOT / "switch_grpc/v1").glob("*_pb2.py")
    }
    assert stubs <= sources.keys()


def test_every_rpc_has_a_stub_for_client_and_server(sources: dict[str, FileDescriptorProto]) -> None:
    for name, file in sources.items():
        for service in file.service:
            module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2_grpc")
            servicer = getattr(module, f"{service.name}Servicer")
            assert [m.name for m in service.method if not hasattr(servicer, m.name)] == []


def test_the_contract_only_grows(sources: dict[str, FileDescriptorProto]) -> None:
    """buf tells what broke; this is its verdict against the image that callers were promised."""
    check = [BUF, "breaking", "proto", "--against", str(GOLDEN)]
    verdict = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr

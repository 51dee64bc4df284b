"""Generates switch_grpc/v1 from the .proto files; with --check, fails if the committed code is stale.

    python proto/generate.py [--check]

The generator runs in an environment of its own, with an older grpcio-tools than the gateway runs on:
generated code demands a protobuf runtime at least as new as its generator, refuses one two majors newer
from protobuf 5.27 on, and grpcio likewise refuses to be older than its plugin. 1.65.5 (protobuf 5.26)
is the newest generator whose code imports under protobuf 5, 6 and 7 alike, so that a service can use the
stubs beside whatever it already has.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LOCK = HERE / "requirements.lock"
OUT = Path("switch_grpc/v1")
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "switch-gateway" / "protoc"


def generator() -> Path:
    """The interpreter of the generator's environment, made on first use and when the lock changed."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "lock"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--require-hashes", "--no-deps", "-r", LOCK], check=True
        )
        stamp.write_bytes(LOCK.read_bytes())
    return python


def generate(out: Path) -> None:
    """Writes the stubs of every .proto under `out`."""
    protos = sorted(p.relative_to(HERE) for p in HERE.glob("switch_grpc/v1/*.proto"))
    services = [p for p in protos if "\nservice " in (HERE / p).read_text()]
    python = generator()
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    protoc = [python, "-m", "grpc_tools.protoc", f"-I{HERE}"]
    for outputs, files in (
        ([f"--python_out={out}", f"--pyi_out={out}"], protos),
        ([f"--grpc_python_out={out}", f"--mypy_grpc_out={out}"], services),
    ):
        subprocess.run([*protoc, *outputs, *map(str, files)], check=True, env=environment, cwd=HERE)


def stale(fresh: Path) -> list[str]:
    """Names of generated files that differ from, or are missing in or superfluous to, the tree."""
    made = {p.name: p.read_bytes() for p in (fresh / OUT).iterdir() if p.is_file()}
    kept = {p.name: p.read_bytes() for p in (ROOT / OUT).glob("*_pb2*") if p.is_file()}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def main() -> int:
    if "--check" not in sys.argv[1:]:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        differing = stale(Path(scratch))
    if differing:
        print(f"stale generated code, run `make proto`: {', '.join(differing)}", file=sys.stderr)
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())

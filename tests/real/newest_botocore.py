"""Run where the newest botocore is: says which of a file's requests its service model refuses."""

import base64
import json
import sys
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


def typed(shape: Any, value: Any) -> Any:
    """JSON as botocore takes parameters: bytes where the wire has base64."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        members = shape.members
        return {n: typed(members[n], item) if n in members else item for n, item in value.items()}
    if shape.type_name == "list":
        return [typed(shape.member, item) for item in value]
    return base64.b64decode(value) if shape.type_name == "blob" else value


def main() -> int:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape = model.operation_model("Converse").input_shape
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123  # runs where nothing else is installed
        requests = {name: case["sent"] for name, case in json.load(file).items() if "sent" in case}
    for name, body in requests.items():
        report = ParamValidator().validate(typed(shape, {"modelId": "m", **body}), shape)
        if report.has_errors():
            print(name, report.generate_report())  # noqa: T201
            return 1
    print(len(requests))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

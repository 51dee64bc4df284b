"""Laws of the outcome table's rows: which code, quirk or word leads where. Bodies are in test_classify."""

import pytest

from switch_grpc.faults import Kind
from switch_grpc.providers.dialects.base import UpstreamError
from switch_grpc.providers.kinds import kind_of
from switch_grpc.providers.vendors import Quirk

BILLING = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "Arrearage",
]
CONTEXT = ["context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"]
CONTENT = [
    "content_filter",
    "content_policy_violation",
    "data_inspection_failed",
    "DataInspectionFailed",
    "moderation_blocked",
    "moderation_error",
    "ResponsibleAIPolicyViolation",
]
CAPABILITY = [
    "unsupported_parameter",
    "unsupported_value",
    "unsupported_feature",
    "unknown_parameter",
    "extra_forbidden",
    "not_supported_error",
    "tool_use_failed",
    "json_validate_failed",
    "model_not_supported",
    "model_decommissioned",
    "model_terms_required",
    "model_not_found",
    "unknown_model",
]
AUTH = [
    "invalid_api_key",
    "InvalidApiKey",
    "authentication_error",
    "permission_error",
    "permission_denied",
    "access_denied",
    "AccessDenied",
    "insufficient_permissions",
    "ip_not_authorized",
    "unauthorized",
]
MODEL = [
    "model_not_found",
    "ModelNotFound",
    "unknown_model",
    "deployment_not_found",
    "DeploymentNotFound",
    "invalid_url",
    "unknown_url",
]
OBJECT = [
    "file_not_found",
    "image_not_found",
    "response_not_found",
    "previous_response_not_found",
    "conversation_not_found",
    "prompt_not_found",
    "vector_store_not_found",
]


def kind(status: int, quirks: Quirk = Quirk.NONE, wait: float | None = None, **error: str) -> Kind:
    return kind_of(status, UpstreamError(**error), quirks, wait)


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        (400, BILLING, Kind.UPSTREAM_QUOTA),
        (403, BILLING, Kind.UPSTREAM_QUOTA),
        (429, BILLING, Kind.UPSTREAM_QUOTA),
        (422, BILLING, Kind.CLIENT_FAULT),
        (400, CONTEXT, Kind.CONTEXT_LENGTH),
        (403, CONTEXT, Kind.CONTEXT_LENGTH),
        (413, CONTEXT, Kind.CONTEXT_LENGTH),
        (422, CONTEXT, Kind.CONTEXT_LENGTH),
        (400, CONTENT, Kind.CONTENT_FILTER),
        (403, CONTENT, Kind.CONTENT_FILTER),
        (422, CONTENT, Kind.CONTENT_FILTER),
        (400, CAPABILITY, Kind.CAPABILITY),
        (422, CAPABILITY, Kind.CAPABILITY),
        (400, AUTH, Kind.CLIENT_FAULT),
        (404, MODEL, Kind.UPSTREAM_MODEL_MISSING),
        (404, OBJECT, Kind.NOT_FOUND_OBJECT),
    ],
)
def test_a_code_decides_as_code_and_as_type_in_any_case(
    status: int, codes: list[str], expected: Kind
) -> None:
    for code in codes:
        assert kind(status, code=code) is expected, code
        assert kind(status, type=code.upper()) is expected, code


@pytest.mark.parametrize("code", AUTH)
def test_a_code_about_the_key_goes_before_words_about_the_prompt(code: str) -> None:
    assert kind(403, code=code, message="flagged: no access to moderation") is Kind.UPSTREAM_AUTH


@pytest.mark.parametrize("code", MODEL)
def test_a_code_about_the_model_goes_before_words_about_a_file(code: str) -> None:
    assert (
        kind(404, code=code, param="messages", message="No such File object: f")
        is Kind.UPSTREAM_MODEL_MISSING
    )


@pytest.mark.parametrize(
    ("quirk", "status", "code", "wait", "with_it", "without"),
    [
        (Quirk.QUOTA_IS_RATE, 429, "insufficient_quota", None, Kind.UPSTREAM_RATE_LIMIT, Kind.UPSTREAM_QUOTA),
        (Quirk.QUOTA_IS_RATE, 429, "Arrearage", None, Kind.UPSTREAM_QUOTA, Kind.UPSTREAM_QUOTA),
        (Quirk.PAYMENT_MAY_PASS, 402, "", 1.0, Kind.UPSTREAM_RATE_LIMIT, Kind.UPSTREAM_QUOTA),
        (Quirk.PAYMENT_MAY_PASS, 402, "", None, Kind.UPSTREAM_QUOTA, Kind.UPSTREAM_QUOTA),
        (Quirk.CAPACITY_IS_498, 498, "", None, Kind.UPSTREAM_OVERLOADED, Kind.CLIENT_FAULT),
        (Quirk.ACCOUNT_IS_412, 412, "", None, Kind.UPSTREAM_QUOTA, Kind.CLIENT_FAULT),
    ],
)
def test_a_quirk_changes_its_own_status_and_no_other(
    quirk: Quirk, status: int, code: str, wait: float | None, with_it: Kind, without: Kind
) -> None:
    assert kind(status, quirk, wait, code=code) is with_it
    assert kind(status, Quirk.NONE, wait, code=code) is without
    for other in range(100, 600):
        if other not in (400, 402, 412, 429, 498):
            assert kind(other, quirk, wait, code=code) is kind(other, Quirk.NONE, wait, code=code)


def test_a_wrong_key_as_a_400_is_known_by_the_start_of_the_message() -> None:
    wrong = "Incorrect API key provided: x"
    assert kind(400, Quirk.KEY_IS_400, message=wrong) is Kind.UPSTREAM_AUTH
    assert kind(400, Quirk.KEY_IS_400, message=f"'{wrong}'") is Kind.CLIENT_FAULT
    assert kind(400, message=wrong) is Kind.CLIENT_FAULT
    assert kind(422, Quirk.KEY_IS_400, message=wrong) is Kind.CLIENT_FAULT


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens.",
        "`inputs` tokens + `max_new_tokens` must be <= 4097",
        "Input token count + max_tokens parameter must be less than the limit",
        "the request exceeds the available context size",
        "Prompt is too long",
        "input is too long for the requested model",
        "too many tokens: 4292",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_context_length_is_known_by_its_words(status: int, message: str) -> None:
    assert kind(status, message=message) is Kind.CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("The model `image-maker` does not exist", Kind.UPSTREAM_MODEL_MISSING),
        ("This model was not found: file-reader", Kind.UPSTREAM_MODEL_MISSING),
        ("model 'audio' not found, try pulling it first", Kind.UPSTREAM_MODEL_MISSING),
        ("No such model: response", Kind.UPSTREAM_MODEL_MISSING),
        ("Deployment file-1 does not exist", Kind.UPSTREAM_MODEL_MISSING),
        ("Not Found", Kind.UPSTREAM_MODEL_MISSING),
        ("", Kind.UPSTREAM_MODEL_MISSING),
        ("No such File object: file-1", Kind.NOT_FOUND_OBJECT),
        ("File model.pdf does not exist", Kind.NOT_FOUND_OBJECT),
        ("The requested image could not be found", Kind.NOT_FOUND_OBJECT),
        ("Item with id 'rs_1' not found.", Kind.NOT_FOUND_OBJECT),
        ("Audio expired", Kind.NOT_FOUND_OBJECT),
        ("Unknown conversation c1", Kind.NOT_FOUND_OBJECT),
    ],
)
def test_a_404_is_about_the_model_unless_its_words_name_a_thing_of_the_callers(
    message: str, expected: Kind
) -> None:
    assert kind(404, message=message) is expected


@pytest.mark.parametrize("param", ["messages[0].content[0].file.file_id", "input", "prompt", "file_id"])
def test_a_404_about_a_field_of_the_request_is_the_callers(param: str) -> None:
    assert kind(404, param=param) is Kind.NOT_FOUND_OBJECT
    assert kind(404, param="model") is Kind.UPSTREAM_MODEL_MISSING


def test_every_status_has_a_kind() -> None:
    kinds = {status: kind(status) for status in range(100, 1000)}
    assert {kinds[status] for status in range(300, 400)} == {Kind.UPSTREAM_PROTOCOL}
    named = {401, 402, 403, 404, 408, 409, 429}
    assert {kinds[status] for status in range(400, 500) if status not in named} == {Kind.CLIENT_FAULT}
    assert {kinds[status] for status in range(500, 1000) if status not in (503, 529)} == {Kind.UPSTREAM_ERROR}

"""Which row of the outcome table an error status is (rows 2-20 and guards (d) and (e)).

Codes decide before words: a provider chooses its `code` and `type`, while its message may repeat what the
caller wrote. So words only ever lead to a kind that blames the caller, with one exception, noted where it
stands; a caller's own 400 therefore never opens a breaker.
"""

import re
from collections.abc import Set
from typing import Final

from switch_grpc.faults import Kind
from switch_grpc.providers.dialects.base import UpstreamError
from switch_grpc.providers.vendors import Quirk

# What the caller's own request can bring about: never permanent, and told in the provider's own words.
CALLERS: Final = frozenset(
    {Kind.CLIENT_FAULT, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.NOT_FOUND_OBJECT, Kind.CAPABILITY}
)


def kind_of(status: int, error: UpstreamError, quirks: Quirk, wait: float | None) -> Kind:
    """The kind of fault; `wait` is what Retry-After said, in seconds."""
    names = {error.code.lower(), error.type.lower()}
    match status:
        case 400:
            return _bad_request(error, names, quirks)
        case 401:
            return Kind.UPSTREAM_AUTH
        case 424 | 408 if "modeltimeoutexception" in names or "modelerrorexception" in names:
            return Kind.UPSTREAM_ERROR  # Bedrock, of the model behind it
        case 402:
            passes = Quirk.PAYMENT_MAY_PASS in quirks and wait is not None
            return Kind.UPSTREAM_RATE_LIMIT if passes else Kind.UPSTREAM_QUOTA
        case 403:
            return _forbidden(error, names)
        case 404:
            return _not_found(error, names)
        case 408:
            return Kind.UPSTREAM_REQUEST_TIMEOUT
        case 409:
            return Kind.CONFLICT
        case 412 if Quirk.ACCOUNT_IS_412 in quirks:
            return Kind.UPSTREAM_QUOTA
        case 413:
            return _too_large(error, names)
        case 422:
            return _about_request(error, names)
        case 429:
            return _too_many(names, quirks)
        case 498 if Quirk.CAPACITY_IS_498 in quirks:
            return Kind.UPSTREAM_OVERLOADED
        case 501 if "not_supported_error" in names:  # llama.cpp, of an endpoint that it was started without
            return Kind.CAPABILITY
        case 503:
            return Kind.UPSTREAM_OVERLOADED
        case 529:
            return Kind.UPSTREAM_SATURATED
        case _ if 400 <= status < 500:
            return Kind.CLIENT_FAULT
        case _ if status >= 500:
            return Kind.UPSTREAM_ERROR
        case _:  # a redirect is never followed: it would carry the key elsewhere
            return Kind.UPSTREAM_PROTOCOL


def _bad_request(error: UpstreamError, names: Set[str], quirks: Quirk) -> Kind:
    if names & _BILLING:
        return Kind.UPSTREAM_QUOTA
    if "invalid_model_identifier" in names:  # Bedrock, of the target's model
        return Kind.UPSTREAM_MODEL_MISSING
    # The exception: xAI has no code for it (https://github.com/continuedev/continue/issues/10778). Its own
    # words, at the very start, where no caller's text stands.
    if Quirk.KEY_IS_400 in quirks and error.message.startswith("Incorrect API key provided"):
        return Kind.UPSTREAM_AUTH
    if names & _BAD_KEY:
        return Kind.UPSTREAM_AUTH
    return _about_request(error, names)


def _about_request(error: UpstreamError, names: Set[str]) -> Kind:
    if names & _CONTEXT:
        return Kind.CONTEXT_LENGTH
    if names & _CONTENT:
        return Kind.CONTENT_FILTER
    if names & _CAPABILITY:
        return Kind.CAPABILITY
    if _CONTEXT_WORDS.search(error.message):
        return Kind.CONTEXT_LENGTH
    return Kind.CLIENT_FAULT


def _forbidden(error: UpstreamError, names: Set[str]) -> Kind:
    """403 is about the key, unless the provider says that it is about what was asked, or from where."""
    if "clock_skew" in names:
        return Kind.CLOCK_SKEW
    if names & _BILLING:
        return Kind.UPSTREAM_QUOTA
    if names & _PLACE:
        return Kind.CLIENT_FAULT
    if names & _CONTENT:
        return Kind.CONTENT_FILTER
    # Google's files and caches are a project's own; what is not there is answered like what is another's.
    if _NOT_YOURS.match(error.message):
        return Kind.NOT_FOUND_OBJECT
    if names & _AUTH:
        return Kind.UPSTREAM_AUTH
    # Together says so of too many tokens: https://docs.together.ai/docs/error-codes
    if names & _CONTEXT or _CONTEXT_WORDS.search(error.message):
        return Kind.CONTEXT_LENGTH
    if _CONTENT_WORDS.search(error.message):
        return Kind.CONTENT_FILTER
    return Kind.UPSTREAM_AUTH


def _not_found(error: UpstreamError, names: Set[str]) -> Kind:
    """404 is about the target's model or URL, but for a thing that the caller named."""
    if names & _MODEL or error.param == "model":
        return Kind.UPSTREAM_MODEL_MISSING
    if names & _OBJECT or error.param.startswith(("messages", "input", "prompt", "file")):
        return Kind.NOT_FOUND_OBJECT
    if _ABOUT_MODEL.match(error.message):
        return Kind.UPSTREAM_MODEL_MISSING
    if _ABOUT_OBJECT.search(error.message):
        return Kind.NOT_FOUND_OBJECT
    return Kind.UPSTREAM_MODEL_MISSING


def _too_large(error: UpstreamError, names: Set[str]) -> Kind:
    # Groq: more tokens than this key's minute has (https://github.com/continuedev/continue/issues/10218).
    if "rate_limit_exceeded" in names:
        return Kind.CAPABILITY
    if names & _CONTEXT or _CONTEXT_WORDS.search(error.message):
        return Kind.CONTEXT_LENGTH
    return Kind.CLIENT_FAULT


def _too_many(names: Set[str], quirks: Quirk) -> Kind:
    if "modelnotreadyexception" in names:  # Bedrock, while it loads one
        return Kind.UPSTREAM_OVERLOADED
    spent = names & _BILLING
    if Quirk.QUOTA_IS_RATE in quirks:
        spent -= {"insufficient_quota"}
    return Kind.UPSTREAM_QUOTA if spent else Kind.UPSTREAM_RATE_LIMIT


# Codes and types, in lower case.

_CONTEXT: Final = frozenset(
    {"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"}
)
_CONTENT: Final = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "data_inspection_failed",  # DashScope
        "datainspectionfailed",
        "moderation_blocked",
        "moderation_error",
        "responsibleaipolicyviolation",  # Azure
    }
)
_PLACE: Final = frozenset({"unsupported_country_region_territory"})
# OpenAI's four kinds of spent money share the type insufficient_quota. `arrearage` is DashScope's:
# https://help.aliyun.com/en/model-studio/error-code. No page was found for the two in the middle.
_BILLING: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        # Anthropic's error_code, of an account that must wait for somebody to act
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "organization_on_hold",
        "arrearage",
        "billing_disabled",  # Google's ErrorInfo
    }
)
# What this target, or its model, cannot do and another may; such as a model that fails to call a tool.
_CAPABILITY: Final = frozenset(
    {
        "unsupported_parameter",
        "unsupported_value",
        "unsupported_feature",
        "unknown_parameter",
        "extra_forbidden",  # Mistral
        "not_supported_error",
        "tool_use_failed",  # Groq
        "json_validate_failed",
        "model_not_supported",
        "model_decommissioned",
        "model_terms_required",
        "model_not_found",
        "unknown_model",
        "failed_precondition",  # Gemini, of a place or an account that it does not serve for free
        "operationnotsupported",  # Azure, of a deployment whose model has no such call
    }
)
# https://cloud.google.com/apis/design/errors: reasons of an ErrorInfo that comes with 400
_BAD_KEY: Final = frozenset({"api_key_invalid", "api_key_expired", "api_key_service_blocked"})
_AUTH: Final = frozenset(
    {
        "invalid_api_key",
        "invalidapikey",
        "authentication_error",
        "permission_error",
        "permission_denied",
        "access_denied",
        "accessdenied",
        "insufficient_permissions",
        "ip_not_authorized",
        "unauthorized",
    }
)
_MODEL: Final = frozenset(
    {
        "model_not_found",
        "modelnotfound",
        "unknown_model",
        "deployment_not_found",
        "deploymentnotfound",
        "invalid_url",
        "unknown_url",
    }
)
_OBJECT: Final = frozenset(
    {
        "file_not_found",
        "image_not_found",
        "response_not_found",
        "previous_response_not_found",
        "conversation_not_found",
        "prompt_not_found",
        "vector_store_not_found",
    }
)

# Words, for the servers that have no code for it.

_CONTEXT_WORDS: Final = re.compile(
    r"context (length|size|window|limit)|max_new_tokens|token count \+ max_tokens|"
    r"(prompt|input) is too long|too many (input )?tokens|"
    r"input token count \S{0,20} ?(exceeds the maximum|is \d+ but the model only supports)",
    re.IGNORECASE,
)
_CONTENT_WORDS: Final = re.compile(
    r"\b(moderation|flagged|guardrail|content (policy|filter|management)|safety (policy|system))\b",
    re.IGNORECASE,
)
_NOT_YOURS: Final = re.compile(
    r"You do not have permission to access the File|CachedContent not found", re.IGNORECASE
)
_ABOUT_MODEL: Final = re.compile(
    r"((the|this|requested|unknown|invalid|no such) )*(model|deployment|engine|endpoint)\b", re.IGNORECASE
)
_ABOUT_OBJECT: Final = re.compile(
    r"\b(file|image|audio|response|conversation|vector store|item)\b.{0,120}"
    r"\b(not found|not exist|no longer exists|not be found|expired)\b|"
    r"\b(no such|unknown|could not find|cannot find)( \w+)? (file|image|audio|response|conversation|item)\b",
    re.IGNORECASE | re.DOTALL,
)

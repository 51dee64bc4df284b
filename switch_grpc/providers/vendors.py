"""The table of vendors: what is known of each provider by name. A new one that speaks OpenAI is one row.

`docs` is where to check a row. Base URLs and quirks were checked against stored copies of vendors' pages or
of public issues (November 2026), not against live servers; "unchecked" marks what no page was found for.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, assert_never
from urllib.parse import urlsplit, urlunsplit

from switch_grpc.providers.bedrock_models import retired
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Dialect
from switch_grpc.providers.dialects.bedrock_embed import BedrockEmbed
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.providers.dialects.history import ANYTHING, OPENAIS, History
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.providers.dialects.text_as_chat import TextAsChat
from switch_grpc.providers.dialects.vertex import Vertex
from switch_grpc.request import Operation


class Quirk(enum.Flag):
    """Where a vendor's error statuses mean something else than everybody's."""

    NONE = 0
    QUOTA_IS_RATE = enum.auto()  # 429 insufficient_quota is a rate limit that passes by itself
    PAYMENT_MAY_PASS = enum.auto()  # 402 with Retry-After is a spending rate, not an empty account
    KEY_IS_400 = enum.auto()  # a wrong API key is answered with 400
    CAPACITY_IS_498 = enum.auto()
    ACCOUNT_IS_412 = enum.auto()


_OPENAIS_OWN: Final = History()  # OpenAI's members alone, and no reasoning
_READS_REASONING: Final = History(reasoning=("reasoning_content",))
# Each release of vLLM reads one of the two: https://github.com/vllm-project/vllm/issues/38488
_READS_EITHER: Final = History(reasoning=("reasoning", "reasoning_content"))
_STRICT: Final = frozenset({"name"})  # for those who refuse more of OpenAI's members than they document


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One provider's row."""

    name: str
    docs: str  # where to check the row
    base_url: str | None  # None: the target must give an apiBase
    base_hint: str = ""  # what an apiBase looks like, for error messages
    dialect: Literal["openai", "anthropic", "gemini", "vertex", "converse"] = "openai"
    credentials: frozenset[str] = frozenset({"simple"})  # types of credential store it takes
    version: str = "/v1"  # the path of a base that has none
    # How an API key is sent; a token goes out as a bearer's, whatever stands here.
    signer: Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "aws", "none"] = "bearer"
    regional: bool = False  # asked in AWS's regions, which the base has as {region}
    keyless: bool = False  # works without any credential
    text: Literal["native", "chat"] = "chat"  # legacy completions: own endpoint, or as one chat message
    embeddings: bool = False
    stream_options: bool = True  # takes stream_options: else usage comes unasked, and asking is an error
    terminal: Literal["done", "eof"] = "done"  # eof: a clean end of the stream completes it
    history: History = _OPENAIS_OWN  # of earlier answers; only where the dialect is OpenAI's
    any_tool: bool = False  # knows the `tool_choice` "any" beside `required`
    quirks: Quirk = Quirk.NONE
    health: str | None = "/models"  # what a GET under the base costs nothing to ask for; None: nothing
    limits: str = ""  # what does not work there, for docs/providers.md

    def instead_of(self, model: str) -> str | None:
        """What to use in place of a model that the vendor has retired; None where it has not."""
        return retired(model) if self.dialect == "converse" else None

    @property
    def operations(self) -> frozenset[Operation]:
        """What can be asked of it."""
        embed = {Operation.EMBED} if self.embeddings else set()
        return frozenset({Operation.CHAT, Operation.COMPLETE, *embed})


_ROWS: Final = (
    Vendor(
        name="openai",
        docs="https://platform.openai.com/docs/api-reference",
        base_url="https://api.openai.com/v1",
        text="native",
        embeddings=True,
        history=History(ids="short"),  # https://github.com/vercel/ai/issues/5171
        limits="models of the Responses API alone (`-pro`, `-codex`) are not served",
    ),
    Vendor(
        name="anthropic",
        docs="https://platform.claude.com/docs/en/api/messages",
        health=None,  # GET /models wants the version header
        base_url="https://api.anthropic.com/v1",  # the dialect takes it with or without /v1
        dialect="anthropic",
        signer="x-api-key",
        embeddings=False,  # it has none: https://platform.claude.com/docs/en/build-with-claude/embeddings
        limits="no `n` above 1, `logprobs`, `json_object`, custom tools or sound; no answers by a schema of "
        "maps, or one that refers to itself",
    ),
    Vendor(
        name="bedrock",
        docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        health=None,
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        version="",
        dialect="converse",
        credentials=frozenset({"aws", "simple"}),  # simple: a Bedrock API key
        signer="aws",
        regional=True,
        embeddings=True,
        limits="no `n` above 1, `logprobs`, `json_object`, custom tools or sound; media as data or from S3, "
        "not by URL; `parallel_tool_calls: false` only at Claude; answers by a schema as at `anthropic`; "
        "retired models are refused by name",
    ),
    Vendor(
        name="gemini",
        docs="https://ai.google.dev/api/generate-content",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        version="/v1beta",
        dialect="gemini",
        credentials=frozenset({"simple", "google", "oauth"}),
        signer="x-goog-api-key",
        embeddings=True,
        limits="no `parallel_tool_calls: false`, custom tools or sound out; at most 5 stop sequences",
    ),
    Vendor(
        name="vertex",
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        health=None,
        base_url="https://aiplatform.googleapis.com/v1",  # of the location global; see addresses
        dialect="vertex",
        credentials=frozenset({"google", "oauth", "simple"}),
        signer="x-goog-api-key",
        embeddings=True,
        limits="Gemini as at `gemini`, Claude as at `anthropic`; no other publisher's models",
    ),
    Vendor(
        name="azure",
        docs="https://learn.microsoft.com/en-us/azure/ai-foundry/openai/latest",
        health=None,  # a deployment has no endpoint of its own that is free
        base_url=None,  # every resource has its own
        base_hint="https://RESOURCE.openai.azure.com",
        version="",  # see addresses
        credentials=frozenset({"azure", "oauth", "simple"}),
        signer="api-key",
        text="native",
        embeddings=True,
        history=History(ids="short"),
    ),
    Vendor(
        name="together",
        docs="https://docs.together.ai/docs/inference/openai-compatibility",
        base_url="https://api.together.ai/v1",
        text="native",
        embeddings=True,
        stream_options=True,  # unchecked
    ),
    Vendor(
        name="runpod",
        docs="https://docs.runpod.io/serverless/vllm/openai-compatibility",
        health=None,  # any request wakes a worker, which is paid by the second
        base_url=None,  # every endpoint has its own
        base_hint="https://api.runpod.ai/v2/ENDPOINT_ID/openai/v1",
        text="native",
        embeddings=True,
        history=_READS_EITHER,
    ),
    Vendor(
        name="alibaba",
        docs="https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        # Singapore, as its page gave it until March 2026; now each workspace has a host. Keys are bound
        # to their region, so any other needs an apiBase.
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        base_hint="https://dashscope.aliyuncs.com/compatible-mode/v1",
        embeddings=True,
        quirks=Quirk.QUOTA_IS_RATE,  # https://help.aliyun.com/en/model-studio/error-code-start
        # https://www.alibabacloud.com/help/en/model-studio/deep-thinking, .../context-cache
        history=History(takes=OPENAIS | {"cache_control"}, reasoning=("reasoning_content",)),
    ),
    Vendor(
        name="custom",
        docs="any server that speaks OpenAI's API",
        base_url=None,
        base_hint="https://llm.example.com/v1",
        keyless=True,
        text="native",
        embeddings=True,
        history=ANYTHING,  # it may be another gateway, which knows all of them
        any_tool=True,
    ),
    Vendor(
        name="groq",
        docs="https://console.groq.com/docs/openai",
        base_url="https://api.groq.com/openai/v1",
        quirks=Quirk.CAPACITY_IS_498,  # https://console.groq.com/docs/errors
        # https://github.com/janhq/jan/issues/8136; its other models refuse even `reasoning`:
        # https://github.com/vercel/ai/pull/8057
        history=History(takes=_STRICT, reasoning=("reasoning",), if_asked=True),
        limits="no `n` above 1, `logprobs` or `logit_bias`",
    ),
    Vendor(
        name="mistral",
        docs="https://docs.mistral.ai/api",
        base_url="https://api.mistral.ai/v1",
        embeddings=True,
        any_tool=True,  # https://docs.mistral.ai/capabilities/function_calling
        # 422 extra_forbidden: https://github.com/charmbracelet/crush/issues/1590; thoughts are wanted back:
        # examples/src/reasoning_multi_turn.ts in its client; ids: its error 3280
        # pictures in results: ToolMessage in its client; a user's message behind one is an error:
        # https://github.com/datapizza-labs/datapizza-ai/issues/98
        history=History(
            takes=frozenset(), reasoning=("thinking",), if_asked=True, result_media=True, ids="nine"
        ),
        limits="no `logprobs`; `seed` is `random_seed`, in providerParams",
    ),
    Vendor(
        name="deepseek",
        docs="https://api-docs.deepseek.com",
        base_url="https://api.deepseek.com/v1",
        # Wants it back beside calls: https://api-docs.deepseek.com/guides/thinking_mode
        history=History(reasoning=("reasoning_content",), owes_reasoning=True),
    ),  # completions: only fill-in-the-middle, under the beta base
    Vendor(
        name="fireworks",
        docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        base_url="https://api.fireworks.ai/inference/v1",
        text="native",
        embeddings=True,
        quirks=Quirk.ACCOUNT_IS_412,  # https://docs.fireworks.ai/guides/inference-error-codes
        history=_READS_REASONING,  # https://docs.fireworks.ai/guides/reasoning
    ),
    Vendor(
        name="openrouter",
        docs="https://openrouter.ai/docs/api-reference/overview",
        base_url="https://openrouter.ai/api/v1",
        text="native",  # unchecked beyond third-party clients
        embeddings=True,
        quirks=Quirk.PAYMENT_MAY_PASS,  # https://openrouter.ai/docs/api/reference/errors-and-debugging
        # https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
        history=History(
            takes=OPENAIS | {"annotations", "cache_control", "reasoning_details"}, reasoning=("reasoning",)
        ),
    ),
    Vendor(
        name="xai",
        docs="https://docs.x.ai/developers/rest-api-reference/inference",
        base_url="https://api.x.ai/v1",
        # Its /completions serves no reasoning model: .../inference/legacy
        quirks=Quirk.KEY_IS_400,  # https://docs.x.ai/developers/debugging
    ),
    Vendor(
        name="cerebras",
        docs="https://inference-docs.cerebras.ai/resources/openai",
        base_url="https://api.cerebras.ai/v1",
        text="native",
        # https://github.com/Kilo-Org/kilocode/issues/10375; recordings have `reasoning` taken
        history=History(takes=_STRICT, reasoning=("reasoning",)),
        limits="no penalties, logit_bias or service_tier",
    ),
    Vendor(
        name="nvidia",  # build.nvidia.com; a NIM of one's own is asked by its apiBase
        docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
        base_url="https://integrate.api.nvidia.com/v1",
        text="native",
        embeddings=True,
        limits="embedding models want `input_type` (providerParams)",
    ),
    Vendor(
        name="perplexity",
        docs="https://docs.perplexity.ai/docs/sonar/openai-compatibility",
        health=None,
        base_url="https://api.perplexity.ai",
        version="",  # its alias /chat/completions has none
        # docs.perplexity.ai/docs/agent-api/migrate-from-sonar; clients moved in September 2026
        limits="Sonar's Chat Completions end in favour of the Agent API, which is not spoken here; no tools",
    ),
    Vendor(
        name="cohere",
        docs="https://docs.cohere.com/docs/compatibility-api",
        base_url="https://api.cohere.ai/compatibility/v1",
        embeddings=True,
        limits="no `n`, no RAG documents and citations: those are at `bedrock`",
    ),
    Vendor(
        name="gemini-openai",
        docs="https://ai.google.dev/gemini-api/docs/openai",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        embeddings=True,
        # https://github.com/github/copilot-sdk/issues/2061; https://ai.google.dev/gemini-api/docs/thought-signatures
        history=History(takes=frozenset({"extra_content"})),
        limits="what has no place in OpenAI's format is lost; `gemini` has it",
    ),
    Vendor(
        name="sglang",
        docs="https://docs.sglang.ai/basic_usage/openai_api.html",
        base_url="http://localhost:30000/v1",
        keyless=True,
        text="native",
        embeddings=True,
        history=_READS_REASONING,
    ),
    Vendor(
        name="tgi",
        docs="https://huggingface.co/docs/text-generation-inference/messages_api",
        base_url="http://localhost:8080/v1",
        keyless=True,
        text="native",
    ),
    Vendor(
        name="lmstudio",
        docs="https://lmstudio.ai/docs/developer/openai-compat",
        base_url="http://localhost:1234/v1",
        keyless=True,
        text="native",
        embeddings=True,
        history=_READS_REASONING,  # unchecked
    ),
    Vendor(
        name="ollama",
        docs="https://docs.ollama.com/api/openai-compatibility",
        base_url="http://localhost:11434/v1",
        keyless=True,
        text="native",
        embeddings=True,
        terminal="eof",  # its finish_reason may stay empty: https://github.com/ollama/ollama/issues/4357
        # https://github.com/anomalyco/opencode/issues/34798
        history=History(reasoning=("reasoning",)),
    ),
    Vendor(
        name="vllm",
        docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        base_url="http://localhost:8000/v1",
        keyless=True,
        text="native",
        embeddings=True,
        history=_READS_EITHER,
    ),
    Vendor(
        name="llama.cpp",
        docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        base_url="http://127.0.0.1:8080/v1",
        keyless=True,
        text="native",
        embeddings=True,
        history=_READS_REASONING,
    ),
    Vendor(
        name="mock",
        docs="switch mock --help",
        health=None,  # its ledger is for what tests ask
        base_url="http://127.0.0.1:8001/v1",
        signer="none",
        keyless=True,
        text="native",
        embeddings=True,
        history=ANYTHING,
        any_tool=True,
    ),
)

VENDORS: Final[Mapping[str, Vendor]] = {row.name: row for row in _ROWS}

# Names of the seed that this build has no dialect for: an error message can say so, not "unknown".
PLANNED: Final[frozenset[str]] = frozenset()


def dialect_of(vendor: Vendor) -> Dialect:
    """The dialect that serves all of the vendor's operations. Stateless: one may serve all its targets."""
    dialect: Dialect
    match vendor.dialect:
        case "openai":
            dialect = OpenAI(
                stream_options=vendor.stream_options,
                terminal=vendor.terminal,
                history=vendor.history,
                any_tool=vendor.any_tool,
            )
        case "anthropic":
            dialect = Anthropic()
        case "gemini":
            dialect = Gemini()
        case "vertex":
            dialect = Vertex()
        case "converse":
            dialect = Converse()
        case unknown:
            assert_never(unknown)
    return dialect if vendor.text == "native" else TextAsChat(dialect)


def dialects_of(vendor: Vendor) -> Mapping[Operation, Dialect]:
    """The dialect for each operation that can be asked of the vendor; one that is missing cannot be."""
    dialects = dict.fromkeys(vendor.operations, dialect_of(vendor))
    if vendor.dialect == "converse":
        dialects[Operation.EMBED] = BedrockEmbed()
    return dialects


def normalise_base(base: str, version: str = "/v1") -> str:
    """An apiBase in the form that an OpenAI SDK wants as its `base_url`, without a trailing slash.

    A base without a path gets the `version`, and so does Alibaba's `/compatible-mode`; any other path is
    the operator's own and stays.
    """
    parts = urlsplit(base.strip())
    path = parts.path.rstrip("/")
    if path in ("", "/compatible-mode"):
        path += version
    return urlunsplit(parts._replace(path=path))

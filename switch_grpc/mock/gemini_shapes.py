"""The messages that Gemini's methods take, as tables: members, their kinds, and which service knows them.

Written from google-genai's types (google.genai.types) and what its converters let through for each of the
two services, the Gemini API and Vertex AI. `gemini_fields` reads requests by them.
"""

from collections.abc import Iterable
from typing import Final

from switch_grpc.mock.gemini_fields import Enum, Kind, Message, Named, Scalar, Several

_STRING, _BOOL, _BYTES = Scalar.STRING, Scalar.BOOL, Scalar.BYTES
_INTEGER, _LONG, _NUMBER = Scalar.INTEGER, Scalar.LONG, Scalar.NUMBER
_STRUCT, _ANY = Scalar.STRUCT, Scalar.ANY


def _enum(name: str, values: Iterable[str]) -> Enum:
    return Enum(name, frozenset(values))


_TYPE: Final = _enum(
    "Type",
    ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
)
_MODE: Final = _enum("FunctionCallingConfig.Mode", ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"))
_CATEGORY: Final = _enum(
    "HarmCategory",
    (
        f"HARM_CATEGORY_{name}"
        for name in (
            *("UNSPECIFIED", "HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"),
            *("CIVIC_INTEGRITY", "JAILBREAK", "IMAGE_HATE", "IMAGE_DANGEROUS_CONTENT"),
            *("IMAGE_HARASSMENT", "IMAGE_SEXUALLY_EXPLICIT"),
        )
    ),
)
_THRESHOLD: Final = _enum(
    "SafetySetting.HarmBlockThreshold",
    (
        *("HARM_BLOCK_THRESHOLD_UNSPECIFIED", "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE"),
        *("BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"),
    ),
)
_METHOD: Final = _enum("SafetySetting.HarmBlockMethod", ("SEVERITY", "PROBABILITY"))
_MODALITY: Final = _enum(
    "GenerationConfig.Modality", ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
)
_RESOLUTION: Final = _enum(
    "MediaResolution",
    (f"MEDIA_RESOLUTION_{name}" for name in ("UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "ULTRA_HIGH")),
)
_LEVEL: Final = _enum(
    "ThinkingConfig.ThinkingLevel",
    ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"),
)
_BEHAVIOR: Final = _enum("FunctionDeclaration.Behavior", ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"))
_SCHEDULING: Final = _enum(
    "FunctionResponse.Scheduling", ("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT")
)
_LANGUAGE: Final = _enum("ExecutableCode.Language", ("LANGUAGE_UNSPECIFIED", "PYTHON"))
_OUTCOME: Final = _enum(
    "CodeExecutionResult.Outcome",
    (f"OUTCOME_{name}" for name in ("UNSPECIFIED", "OK", "FAILED", "DEADLINE_EXCEEDED")),
)
_TIER: Final = _enum("ServiceTier", ("unspecified", "standard", "flex", "priority"))

# Its own members are schemas, so it is filled after it is made.
_schema: dict[str, Kind] = {}
SCHEMA: Final = Message(_schema, vertex={"additionalProperties": _ANY, "ref": _STRING, "defs": _ANY})
_schema |= {
    "type": _TYPE,
    **dict.fromkeys(("format", "title", "description", "pattern"), _STRING),
    "nullable": _BOOL,
    **dict.fromkeys(("enum", "required", "propertyOrdering"), Several(_STRING)),
    **dict.fromkeys(
        ("maxItems", "minItems", "maxProperties", "minProperties", "maxLength", "minLength"), _LONG
    ),
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    "properties": Named(SCHEMA),
    "items": SCHEMA,
    "anyOf": Several(SCHEMA),
    **dict.fromkeys(("example", "default"), _ANY),
}

_BLOB: Final = Message({"mimeType": _STRING, "data": _BYTES, "displayName": _STRING})
_FILE: Final = Message({"mimeType": _STRING, "fileUri": _STRING, "displayName": _STRING})
FUNCTION_CALL: Final = Message(
    {"id": _STRING, "name": _STRING, "args": _STRUCT},
    vertex={"partialArgs": Several(_STRUCT), "willContinue": _BOOL},
)
FUNCTION_RESPONSE: Final = Message(
    {
        "id": _STRING,
        "name": _STRING,
        "response": _STRUCT,
        "parts": Several(Message({"inlineData": _BLOB, "fileData": _FILE, "mediaProcessing": _STRUCT})),
        "scheduling": _SCHEDULING,
        "willContinue": _BOOL,
    }
)
_OTHER_CALL: Final = Message({"id": _STRING, "toolType": _STRING, "args": _STRUCT})
_OTHER_RESPONSE: Final = Message({"id": _STRING, "toolType": _STRING, "response": _STRUCT})
# Of these a part has one; the rest say more about it.
PART_DATA: Final = frozenset(
    {
        *("text", "inlineData", "fileData", "functionCall", "functionResponse"),
        *("executableCode", "codeExecutionResult", "toolCall", "toolResponse"),
    }
)
PART: Final = Message(
    {
        "text": _STRING,
        "inlineData": _BLOB,
        "fileData": _FILE,
        "functionCall": FUNCTION_CALL,
        "functionResponse": FUNCTION_RESPONSE,
        "executableCode": Message({"id": _STRING, "language": _LANGUAGE, "code": _STRING}),
        "codeExecutionResult": Message({"id": _STRING, "outcome": _OUTCOME, "output": _STRING}),
        "thought": _BOOL,
        "thoughtSignature": _BYTES,
        "videoMetadata": Message({"startOffset": _STRING, "endOffset": _STRING, "fps": _NUMBER}),
        "mediaResolution": Message({"level": _RESOLUTION, "numTokens": _INTEGER}),
        **dict.fromkeys(("audioTranscription", "mediaProcessing", "speechMetadata"), _STRUCT),
    },
    gemini={"toolCall": _OTHER_CALL, "toolResponse": _OTHER_RESPONSE, "partMetadata": _STRUCT},
    one_of=PART_DATA,
)
CONTENT: Final = Message({"role": _STRING, "parts": Several(PART)})

_DECLARATION: Final = Message(
    {
        "name": _STRING,
        "description": _STRING,
        "parameters": SCHEMA,
        "parametersJsonSchema": _ANY,
        "response": SCHEMA,
        "responseJsonSchema": _ANY,
        "behavior": _BEHAVIOR,
    }
)
_TOOL: Final = Message(
    {
        "functionDeclarations": Several(_DECLARATION),
        **dict.fromkeys(
            (
                "googleSearch",
                "googleSearchRetrieval",
                "googleMaps",
                "codeExecution",
                "urlContext",
                "computerUse",
            ),
            _STRUCT,
        ),
        "mcpServers": Several(_STRUCT),
    },
    gemini={"fileSearch": _STRUCT},
    vertex=dict.fromkeys(("retrieval", "enterpriseWebSearch", "parallelAiSearch", "exaAiSearch"), _STRUCT),
)
_TOOL_CONFIG: Final = Message(
    {
        "functionCallingConfig": Message(
            {"mode": _MODE, "allowedFunctionNames": Several(_STRING)},
            vertex={"streamFunctionCallArguments": _BOOL},
        ),
        "retrievalConfig": _STRUCT,
    },
    gemini={"includeServerSideToolInvocations": _BOOL},
)
_GENERATION: Final = Message(
    {
        **dict.fromkeys(("temperature", "topP", "presencePenalty", "frequencyPenalty"), _NUMBER),
        **dict.fromkeys(("topK", "candidateCount", "maxOutputTokens", "seed", "logprobs"), _INTEGER),
        "stopSequences": Several(_STRING),
        "responseLogprobs": _BOOL,
        "responseMimeType": _STRING,
        "responseSchema": SCHEMA,
        "responseJsonSchema": _ANY,
        "responseModalities": Several(_MODALITY),
        "mediaResolution": _RESOLUTION,
        "thinkingConfig": Message(
            {"includeThoughts": _BOOL, "thinkingBudget": _INTEGER, "thinkingLevel": _LEVEL}
        ),
        **dict.fromkeys(("speechConfig", "imageConfig", "audioTranscriptionConfig"), _STRUCT),
    },
    gemini={"enableEnhancedCivicAnswers": _BOOL},
    vertex={
        "audioTimestamp": _BOOL,
        **dict.fromkeys(("routingConfig", "modelConfig", "outputConfig"), _STRUCT),
    },
)
_SAFETY: Final = Message({"category": _CATEGORY, "threshold": _THRESHOLD}, vertex={"method": _METHOD})
_GENERATE: Final[dict[str, Kind]] = {
    "model": _STRING,
    "contents": Several(CONTENT),
    "systemInstruction": CONTENT,
    "tools": Several(_TOOL),
    "toolConfig": _TOOL_CONFIG,
    "safetySettings": Several(_SAFETY),
    "generationConfig": _GENERATION,
    "cachedContent": _STRING,
    "labels": Named(_STRING),
    "serviceTier": _TIER,
}
GENERATE: Final = Message(_GENERATE, gemini={"store": _BOOL}, vertex={"modelArmorConfig": _STRUCT})

_EMBEDDING: Final[dict[str, Kind]] = {
    "taskType": _STRING,
    "title": _STRING,
    "outputDimensionality": _INTEGER,
    "autoTruncate": _BOOL,
}
_EMBED_CONFIG: Final = Message({**_EMBEDDING, "documentOcr": _BOOL, "audioTrackExtraction": _BOOL})
EMBED: Final = Message(
    {"model": _STRING, "content": CONTENT, **_EMBEDDING, "embedContentConfig": _EMBED_CONFIG}
)
BATCH_EMBED: Final = Message({"requests": Several(EMBED)})
# What predict takes is up to the model; here, one that embeds text. Its instances know one spelling only.
PREDICT: Final = Message(
    {
        "instances": Several(
            Message({"content": _STRING, "taskType": _STRING, "title": _STRING, "mimeType": _STRING})
        ),
        "parameters": Message({"outputDimensionality": _INTEGER, "autoTruncate": _BOOL}),
    }
)
COUNT: Final = Message(
    {"model": _STRING, "contents": Several(CONTENT)},
    gemini={"generateContentRequest": GENERATE},
    vertex={
        "systemInstruction": CONTENT,
        "tools": Several(_TOOL),
        "generationConfig": _GENERATION,
        "instances": Several(_STRUCT),
    },
)

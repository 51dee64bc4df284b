"""The bodies of Converse and ConverseStream, transcribed from AWS's service model.

From botocore's `data/bedrock-runtime/2023-09-30/service-2.json`. Written out, so that the mock needs no
botocore; tests compare the two member by member.
"""

from typing import Final

from switch_grpc.mock.converse_check import (
    ANYTHING,
    FILLED,
    FLAG,
    TEXT,
    Blob,
    Items,
    Map,
    Number,
    Structure,
    Text,
    structure,
    union,
)

_NAME: Final = Text(low=1, high=64, pattern="[a-zA-Z0-9_-]+")
_CALL_ID: Final = Text(low=1, high=64, pattern="[a-zA-Z0-9_.:-]+")
_INDEX: Final = Number(low=0)

# -- media --

_BYTES: Final = Blob(low=1)
_S3: Final = structure(
    "uri",
    uri=Text(low=1, high=1024, pattern=r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?"),
    bucketOwner=Text(pattern="[0-9]{12}"),
)
_SOURCE: Final = union(bytes=_BYTES, s3Location=_S3)
_ERROR: Final = structure(message=TEXT)  # of an image that could not be made
_IMAGE: Final = structure(
    "format source", format=Text(among=("png", "jpeg", "gif", "webp")), source=_SOURCE, error=_ERROR
)
_VIDEO: Final = structure(
    "format source",
    format=Text(among=("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp")),
    source=_SOURCE,
)
# fmt: off
_AUDIO_FORMATS: Final = (
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm",
    "webm",
)
# fmt: on
_AUDIO: Final = structure("format source", format=Text(among=_AUDIO_FORMATS), source=_SOURCE, error=_ERROR)
_CITATIONS_CONFIG: Final = structure("enabled", enabled=FLAG)
_DOCUMENT: Final = structure(
    "name source",
    format=Text(among=("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")),
    name=Text(low=1, high=200),
    source=union(bytes=_BYTES, s3Location=_S3, text=TEXT, content=Items(of=union(text=TEXT))),
    context=TEXT,
    citations=_CITATIONS_CONFIG,
)
_SEARCH_RESULT: Final = structure(
    "source title content",
    source=TEXT,
    title=TEXT,
    content=Items(of=structure("text", text=TEXT)),
    citations=_CITATIONS_CONFIG,
)

# -- the other blocks --

_CACHE_POINT: Final = structure("type", type=Text(among=("default",)), ttl=Text(among=("5m", "1h")))
_GUARD: Final = union(
    text=structure(
        "text", text=TEXT, qualifiers=Items(of=Text(among=("grounding_source", "query", "guard_content")))
    ),
    image=structure("format source", format=Text(among=("png", "jpeg")), source=union(bytes=_BYTES)),
)
_REASONING: Final = union(reasoningText=structure("text", text=TEXT, signature=TEXT), redactedContent=Blob())
_PLACE: Final = structure(documentIndex=_INDEX, start=_INDEX, end=_INDEX)
_CITATION: Final = structure(
    title=TEXT,
    source=TEXT,
    sourceContent=Items(of=union(text=TEXT)),
    location=union(
        web=structure(url=TEXT, domain=TEXT),
        documentChar=_PLACE,
        documentPage=_PLACE,
        documentChunk=_PLACE,
        searchResultLocation=structure(searchResultIndex=_INDEX, start=_INDEX, end=_INDEX),
    ),
)
_TOOL_USE: Final = structure(
    "toolUseId name input",
    toolUseId=_CALL_ID,
    name=_NAME,
    input=ANYTHING,
    type=Text(among=("server_tool_use",)),
)
_TOOL_RESULT: Final = structure(
    "toolUseId content",
    toolUseId=_CALL_ID,
    content=Items(
        of=union(
            json=ANYTHING,
            text=TEXT,
            image=_IMAGE,
            document=_DOCUMENT,
            video=_VIDEO,
            searchResult=_SEARCH_RESULT,
        )
    ),
    status=Text(among=("success", "error")),
    type=TEXT,
)
_TOOL_CHANGE: Final = structure(
    "tool",
    tool=structure(type=Text(low=1, high=64), name=Text(low=1, high=128), serverName=Text(low=1, high=128)),
)
_BLOCK: Final = union(
    text=TEXT,
    image=_IMAGE,
    document=_DOCUMENT,
    video=_VIDEO,
    audio=_AUDIO,
    toolUse=_TOOL_USE,
    toolResult=_TOOL_RESULT,
    guardContent=_GUARD,
    cachePoint=_CACHE_POINT,
    reasoningContent=_REASONING,
    citationsContent=structure(content=Items(of=union(text=TEXT)), citations=Items(of=_CITATION)),
    searchResult=_SEARCH_RESULT,
    toolAddition=_TOOL_CHANGE,
    toolRemoval=_TOOL_CHANGE,
)
_MESSAGE: Final = structure(
    "role content", role=Text(among=("user", "assistant", "system")), content=Items(of=_BLOCK)
)

# -- tools --

_TOOL_SPEC: Final = structure(
    "name inputSchema",
    name=_NAME,
    description=FILLED,
    inputSchema=union(json=ANYTHING),
    strict=FLAG,
)
_TOOL_CONFIG: Final = structure(
    "tools",
    tools=Items(
        of=union(toolSpec=_TOOL_SPEC, systemTool=structure("name", name=_NAME), cachePoint=_CACHE_POINT),
        low=1,
    ),
    toolChoice=union(auto=structure(), any=structure(), tool=structure("name", name=_NAME)),
)

# -- requests --

_GUARDRAIL: Final = structure(
    guardrailIdentifier=Text(
        high=2048,
        pattern=r"(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))",
    ),
    guardrailVersion=Text(pattern="(|([1-9][0-9]{0,7})|(DRAFT))"),
    trace=Text(among=("enabled", "disabled", "enabled_full")),
)
_METADATA: Final = r"[a-zA-Z0-9\s:_@$#=/+,-.]"
_OUTPUT_CONFIG: Final = structure(
    textFormat=structure(
        "type structure",
        type=Text(among=("json_schema",)),
        structure=union(jsonSchema=structure("schema", schema=TEXT, name=TEXT, description=TEXT)),
    ),
    effort=Text(high=16),
)

CONVERSE: Final = structure(
    messages=Items(of=_MESSAGE),
    system=Items(of=union(text=FILLED, guardContent=_GUARD, cachePoint=_CACHE_POINT)),
    inferenceConfig=structure(
        maxTokens=Number(low=1),
        temperature=Number(whole=False, low=0, high=1),
        topP=Number(whole=False, low=0, high=1),
        stopSequences=Items(of=FILLED, high=2500),
    ),
    toolConfig=_TOOL_CONFIG,
    guardrailConfig=_GUARDRAIL,
    additionalModelRequestFields=ANYTHING,
    promptVariables=Map(key=TEXT, value=union(text=TEXT)),
    additionalModelResponseFieldPaths=Items(of=Text(low=1, high=256), high=10),
    requestMetadata=Map(
        key=Text(low=1, high=256, pattern=_METADATA + "{1,256}"),
        value=Text(high=256, pattern=_METADATA + "{0,256}"),
        low=1,
        high=16,
    ),
    performanceConfig=structure(latency=Text(among=("standard", "optimized"))),
    serviceTier=structure("type", type=Text(among=("priority", "default", "flex", "reserved"))),
    outputConfig=_OUTPUT_CONFIG,
)
CONVERSE_STREAM: Final = Structure(
    members={
        **CONVERSE.members,
        "guardrailConfig": structure(
            **_GUARDRAIL.members, streamProcessingMode=Text(among=("sync", "async"))
        ),
    }
)

"""The base URL of a target, where it takes more than an apiBase: Vertex AI's and Azure OpenAI's."""

from typing import Final
from urllib.parse import quote, urlsplit

from switch_grpc.providers.vendors import Vendor, normalise_base

# Regions of many: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
_MULTI_REGIONS: Final = frozenset({"us", "eu"})
# Azure's API without dated versions: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle
_UNDATED: Final = (None, "v1", "preview", "latest")


def base_of(
    vendor: Vendor,
    api_base: str | None,
    *,
    model: str,
    project: str | None = None,
    location: str | None = None,
    deployment: str | None = None,
    api_version: str | None = None,
) -> str:
    """What the target's dialect puts before its own paths, without a trailing slash; it may carry a query."""
    match vendor.name:
        case "vertex":
            return _vertex(api_base, vendor, project, location or "global")
        case "azure":
            return _azure(api_base or "", deployment or model, api_version)
    return normalise_base(api_base or vendor.base_url or "", vendor.version)


def _vertex(api_base: str | None, vendor: Vendor, project: str | None, location: str) -> str:
    """With the project and location, but for an API key without a project (Vertex AI in express mode)."""
    base = normalise_base(api_base or f"https://{_vertex_host(location)}", vendor.version)
    if project is None or "/projects/" in base:
        return base
    return f"{base}/projects/{quote(project, safe=':')}/locations/{quote(location, safe='')}"


def _vertex_host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _azure(api_base: str, deployment: str, api_version: str | None) -> str:
    """The v1 API, or, with a dated version, the deployment's own path."""
    base = api_base.strip().rstrip("/")
    path = urlsplit(base).path
    query = "" if api_version in (None, "v1") else f"?api-version={quote(api_version or '', safe='')}"
    if "/deployments/" in path or path.endswith("/openai/v1"):
        return base + query
    if not path.endswith("/openai"):
        base += "/openai"
    if api_version in _UNDATED:
        return f"{base}/v1{query}"
    return f"{base}/deployments/{quote(deployment, safe='')}{query}"

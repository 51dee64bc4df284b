"""Where AWS's regions are: the base URL of each region that a target may be asked in."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

PLACEHOLDER: Final = "{region}"
_REGION: Final = re.compile(r"(?<![a-z0-9])[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d(?![a-z0-9])")


def places(base: str, regions: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Each region in order with its base URL; at least one, where the base or `regions` names any.

    `{region}` in the base is replaced, else the region that its host names. A base that names one holds
    against a single region from elsewhere; a base that names none (a proxy, a private endpoint) serves all.
    """
    base = base.strip().rstrip("/")
    if PLACEHOLDER in base:
        return [(region, base.replace(PLACEHOLDER, region)) for region in regions]
    found = _REGION.search(urlsplit(base).hostname or "")
    if found is None:
        return [(region, base) for region in regions]
    named = found.group()
    if len(regions) < 2:
        return [(named, base)]
    return [(region, base.replace(named, region)) for region in regions]

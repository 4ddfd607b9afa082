"""A local Venice: the same protocol, limits and faults, with painted pictures and no bill.

Tests reach `StandIn` through `httpx.WSGITransport`; demo mode and drills run it with `serve`.
"""

from .app import StandIn as StandIn
from .markers import describe_markers as describe_markers
from .server import serve as serve

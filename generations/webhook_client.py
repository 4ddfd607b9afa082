"""The only door to addresses that people name: tells them something, and asks for nothing.

Whoever may name an address must not reach through us what only we can reach: the name is
resolved here, every address it has must be a public one, and the connection goes to the address
that was looked at, so that another answer of the name a moment later changes nothing. Redirects
are not followed, and of the answer nothing but the status is read.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from generations.venice.cutoff import Cutoff

# Seconds: for each wait on the network, and for all of it.
PATIENCE, WHOLE = 5.0, 10.0
LONGEST_URL = 500
# The internet of IPv6. Outside of it are site-local addresses, and those that carry one of IPv4
# (::10.0.0.1, ::ffff:0:10.0.0.1, 64:ff9b::10.0.0.1), which may be a private one; inside, 6to4.
_INTERNET = ipaddress.ip_network("2000::/3")
_CARRIER = ipaddress.ip_network("2002::/16")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a message. `status`: of the answer, None without one; `problem`: a sentence
    for a person, "" when it was taken."""

    seconds: float
    status: int | None = None
    problem: str = ""


class Unusable(ValueError):
    """Nothing is sent to this address; the message is a sentence for a person."""


INSIDE = "This address is inside this network, where nothing is sent to."


def check(url: str, *, is_inside_allowed: bool) -> httpx.URL:
    """The address, read. Raises Unusable for what can be told from its text alone.

    `is_inside_allowed`: addresses of this machine and its network too, and http to this machine.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise Unusable(f"Give an address of at most {LONGEST_URL} characters, without spaces.")
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, ValueError):
        raise Unusable("This is no address: give one that begins with https://.") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise Unusable("Give an address that begins with https://.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise Unusable("This is no address: its port is none.")
    if parsed.userinfo or parsed.fragment:
        raise Unusable("Leave out name, password and what follows a “#”: they would not be sent.")
    literal = _literal(host)
    is_here = _is_this_machine(host, literal)
    if parsed.scheme == "http" and not (is_inside_allowed and is_here):
        raise Unusable("Messages are sent encrypted: give an address that begins with https://.")
    if not is_inside_allowed and (is_here or (literal and not is_public(literal))):
        raise Unusable(INSIDE)
    return parsed


def send(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    is_inside_allowed: bool,
    ssl_context: ssl.SSLContext | None = None,
) -> Outcome:
    """POST it once. Never raises for what the other side does."""
    start = time.monotonic()
    status, problem = None, ""
    try:
        parsed = check(url, is_inside_allowed=is_inside_allowed)
        address = _resolved(parsed, is_inside_allowed=is_inside_allowed)
        status = _post(parsed, address, body, headers, ssl_context or _ssl_context())
        problem = _problem(status)
    except Unusable as reason:
        problem = str(reason)
    except httpx.TimeoutException:
        problem = f"It did not answer within {WHOLE:g} s."
    except httpx.ConnectError as error:
        is_about_tls = isinstance(error.__context__, ssl.SSLError) or "SSL" in str(error)
        problem = "Its certificate is not valid." if is_about_tls else "It could not be reached."
    except (httpx.HTTPError, OSError, ValueError):
        is_late = time.monotonic() - start >= WHOLE
        problem = f"It did not answer within {WHOLE:g} s." if is_late else "The connection broke."
    return Outcome(seconds=round(time.monotonic() - start, 3), status=status, problem=problem)


def is_public(address: Address) -> bool:
    """Whether this is an address of the internet, and of nothing nearer."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(mapped)
    if address.version == 6 and (address not in _INTERNET or address in _CARRIER):
        return False
    return address.is_global and not address.is_multicast


def _post(
    url: httpx.URL, address: str, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext
) -> int:
    cutoff = Cutoff()
    there = url.copy_with(host=address)
    named = {**headers, "Host": url.netloc.decode("ascii"), "User-Agent": "veniceweb-webhook"}
    # The certificate must be that of the name, whichever address was dialled.
    extensions = {"sni_hostname": url.raw_host.decode("ascii"), "trace": cutoff.trace}
    with (
        httpx.Client(
            verify=context, timeout=PATIENCE, follow_redirects=False, trust_env=False
        ) as client,
        cutoff.after(WHOLE),
        client.stream(
            "POST", there, content=body, headers=named, extensions=extensions
        ) as response,
    ):
        return response.status_code


def _problem(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}: it redirects, which is not followed."
    return f"It answered {status}."


def _resolved(url: httpx.URL, *, is_inside_allowed: bool) -> str:
    """The address to dial, IPv4 first. Raises Unusable."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        rows = socket.getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unusable("Its name leads nowhere: it does not resolve.") from None
    found = sorted({str(row[4][0]).partition("%")[0] for row in rows}, key=lambda a: (":" in a, a))
    if not found:
        raise Unusable("Its name leads nowhere: it does not resolve.")
    # One private address among them is enough: the next connection might take it.
    if not is_inside_allowed and not all(is_public(ipaddress.ip_address(a)) for a in found):
        raise Unusable(INSIDE)
    return found[0]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_this_machine(host: str, literal: Address | None) -> bool:
    if literal is not None:
        return literal.is_loopback
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)

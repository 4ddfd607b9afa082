"""How a web process is started, here and by the drills and benchmarks; docker/entrypoint.sh has the
same words."""

import resource
import sys

# Open connections of a process, idle ones included: pages that are open, programs that wait.
MOST_CONNECTIONS = 10_000


def command(host: str, port: int) -> list[str]:
    started = [sys.executable, "-m", "granian", "--interface", "asginl", "--host", host]
    started += ["--port", str(port), "--log-level", "warning"]
    # Granian's "backpressure" counts connections. Of 1,024, the default, the next one waits until
    # somebody goes away (2.8.7, 2026-11).
    started += ["--backlog", "4096", "--backpressure", str(MOST_CONNECTIONS)]
    # Open keep-alive connections would hold a worker up for ever.
    return [*started, "--workers-kill-timeout", "5", "veniceweb.asgi:application"]


def allow_many_files() -> None:
    """Each connection is an open file; many systems allow 1,024 to who does not ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

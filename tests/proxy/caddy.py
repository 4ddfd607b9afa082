"""A real Caddy with our Caddyfile, on free ports, in front of whatever listens at `web`."""

import os
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx

from tests.faults.studio import ROOT, Process, free_port, wait_for

CADDYFILE = ROOT / "docker/Caddyfile"


class Caddy:
    def __init__(
        self,
        folder: Path,
        *,
        web: str,
        store: str = "127.0.0.1:9",
        files: str = "/nowhere",
        logs: bool = False,
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        # Its health check has a port of its own, which another Caddy may hold here.
        own = CADDYFILE.read_text().replace("127.0.0.1:2020", f"127.0.0.1:{free_port()}")
        if logs:
            own = own.replace("encode zstd", "log\n\tencode zstd")
        (folder / "Caddyfile").write_text(own)
        self.process = Process(
            ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")],
            environment(folder, VENICEWEB_URL=self.url, WEB=web, STORE=store, FILES=files),
            folder / "caddy.log",
        )
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        wait_for(self._answers, f"Caddy answers\n{self.process.log}")

    def _answers(self) -> bool:
        try:
            return self.http.get("/metrics").status_code == 404
        except httpx.TransportError:
            return False

    def raw(self, path: str) -> int:
        """The status of a path that no client would send like that."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def end(self) -> None:
        self.http.close()
        self.process.end()


def environment(folder: Path, **values: str) -> dict[str, str]:
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return {"PATH": os.environ["PATH"], **homes, **values}

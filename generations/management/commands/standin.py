from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generations.venice.standin import StandIn, describe_markers, serve


class Command(BaseCommand):
    help = "Serve the local stand-in for Venice. Faults can be asked for by markers in a prompt."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument("--latency", type=float, default=2.0, help="seconds a picture takes")
        parser.add_argument("--rpm", type=int, default=20, help="image requests a minute and key")
        parser.add_argument("--markers", action="store_true", help="list the markers and end")

    def handle(
        self, *args: Any, host: str, port: int, latency: float, rpm: int, **options: Any
    ) -> None:
        if options["markers"]:
            self.stdout.write(describe_markers())
            return
        try:
            server = serve(StandIn(latency=latency, requests_per_minute=rpm), host, port)
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port} ({error.strerror}).") from None
        self.stdout.write(f"The stand-in answers at http://{host}:{server.server_port}/api/v1")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()

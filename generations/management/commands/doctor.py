import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from generations.management import command
from generations.services import doctor
from generations.services.doctor import Finding, Level


class Command(command.Command):
    help = (
        "Say what is wrong with this installation and what to do about it; exit 1 if anything is "
        "bad. Asks Venice nothing."
    )
    # What is wrong with the settings is a finding here, and not the end of it.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--files", action="store_true", help="compare files and images, too")
        parser.add_argument("--heal", action="store_true", help="and heal what can be healed")

    def handle(self, *args: Any, **options: Any) -> None:
        found = doctor.examine()
        if options["files"] or options["heal"]:
            found += doctor.examine_files(is_healing=options["heal"])
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], indent=2))
        else:
            self._print(found)
        if any(one.level is Level.BAD for one in found):
            raise SystemExit(1)

    def _print(self, found: list[Finding]) -> None:
        for one in found:
            self.stdout.write(f"{one.level.upper():<5} {one.about}: {one.what}")
            if one.remedy:
                self.stdout.write(f"      {one.remedy}")
        bad, warn = (sum(one.level is level for one in found) for level in (Level.BAD, Level.WARN))
        self.stdout.write(f"\n{bad} bad, {warn} to look at." if bad or warn else "\nAll is well.")

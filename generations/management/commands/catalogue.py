from typing import Any

from django.core.management.base import CommandError

from generations.management import command
from generations.models import StylePreset, VeniceModel
from generations.services import catalogue
from generations.venice.errors import VeniceError


class Command(command.Command):
    help = "Fetch models and styles from Venice now."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catalogue.refresh()
        except VeniceError as error:
            raise CommandError(f"The catalogue stays as it was: {error.public_message}") from None
        models = VeniceModel.objects.filter(is_offered=True).count()
        styles = StylePreset.objects.filter(is_offered=True).count()
        self.stdout.write(f"{models} models and {styles} styles are offered.")

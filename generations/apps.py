from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = "Studio"

    def ready(self) -> None:
        from generations import checks  # noqa: F401  (registers the system checks)
        from generations.views import entrance

        entrance.connect()

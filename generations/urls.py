from django.urls import path, re_path

from generations.views import gallery, generations, health, images, settings, studio

UUID = r"(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

urlpatterns = [
    path("", studio.studio, name="studio"),
    path("composer/", studio.parameters, name="composer"),
    path("composer/price/", studio.price, name="composer-price"),
    path("generations/", generations.collection, name="generations"),
    path("generations/poll/", generations.poll, name="generation-poll"),
    path("generations/<uuid:pk>/", generations.detail, name="generation-detail"),
    path("generations/<uuid:pk>/cancel/", generations.cancel, name="generation-cancel"),
    path("generations/<uuid:pk>/retry/", generations.retry, name="generation-retry"),
    path("generations/<uuid:pk>/dismiss/", generations.dismiss, name="generation-dismiss"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("images/<uuid:pk>/", images.detail, name="image-detail"),
    re_path(rf"^images/{UUID}/(?P<kind>original|w512|w1024)$", images.file, name="image-file"),
    path("settings/", settings.settings, name="settings"),
    path("settings/profile/", settings.profile, name="settings-profile"),
    path("settings/key/test/", settings.test_key, name="settings-key-test"),
    path("settings/key/remove/", settings.remove_key, name="settings-key-remove"),
    path("theme/", settings.theme, name="theme"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

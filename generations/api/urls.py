"""Every address of the API. What is none answers in the shape of its dialect, too."""

from django.urls import path, re_path

from generations.api import (
    access,
    docs,
    files,
    generations,
    images,
    models,
    native,
    openapi,
    reviews,
    shares,
    venice_catalogue,
)

urlpatterns = [
    path("v1/images/generations", images.generate, name="api-images-generations"),
    path("api/v1/images/generations", images.generate, name="api-venice-images-generations"),
    # One of Venice's pages names it so in its head line.
    path("api/v1/image/generations", images.generate, name="api-venice-image-generations"),
    path("api/v1/image/generate", native.generate, name="api-venice-generate"),
    path("api/v1/image/styles", venice_catalogue.styles, name="api-venice-styles"),
    path("api/v1/models", venice_catalogue.models, name="api-venice-models"),
    path("api/v1/models/traits", venice_catalogue.traits, name="api-venice-traits"),
    path(
        "api/v1/models/compatibility_mapping", venice_catalogue.mapping, name="api-venice-mapping"
    ),
    path("v1/images/<uuid:pk>", files.image, name="api-image"),
    path("v1/openapi.json", openapi.document, name="api-openapi"),
    path("v1/docs", docs.page, name="api-docs"),
    path("v1/models", models.collection, name="api-models"),
    path("v1/models/<str:name>", models.detail, name="api-model"),
    path("v1/shares", shares.collection, name="api-shares"),
    path("v1/shares/<uuid:pk>", shares.detail, name="api-share"),
    path("v1/reviews", reviews.collection, name="api-reviews"),
    path("v1/reviews/<uuid:pk>", reviews.detail, name="api-review"),
    path("v1/generations", generations.collection, name="api-generations"),
    path("v1/generations/<uuid:pk>", generations.detail, name="api-generation"),
    # Whatever stands behind the slash, a line's end too.
    re_path(r"^(?:v1|api)(?:/[\s\S]*)?\Z", access.nothing, name="api-nothing"),
]

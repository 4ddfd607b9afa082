from django.contrib import admin
from django.urls import include, path

handler400 = "generations.urls.bad_request"
handler403 = "generations.views.errors.forbidden"
handler404 = "generations.views.errors.not_found"
handler500 = "generations.urls.server_error"

urlpatterns = [
    path("accounts/", include("generations.views.accounts")),
    # Before the admin: who may not enter it is answered by a view of ours.
    path("", include("generations.urls")),
    path("admin/", admin.site.urls),
]

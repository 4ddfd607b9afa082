"""Django's admin, for looking up and for people. Secrets are not shown, money is not edited."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest

from generations.models import (
    Budget,
    Call,
    FieldRule,
    Generation,
    Image,
    StylePreset,
    User,
    VeniceKey,
    VeniceModel,
)
from generations.services.parameters import OPTIONAL

admin.site.site_header = admin.site.site_title = "veniceweb"
admin.site.site_url = "/"


class UserForm(forms.ModelForm):
    new_password = forms.CharField(
        label="New password",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty to keep the present one.",
    )

    class Meta:
        model = User
        fields = ("email", "name", "role", "is_active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if password := cleaned.get("new_password"):
            try:
                validate_password(password, self.instance)
            except forms.ValidationError as error:
                self.add_error("new_password", error)
        elif self.instance.pk is None:
            self.add_error("new_password", "Somebody new needs a password.")
        if self.instance.pk and self._is_last_admin(cleaned):
            self.add_error(None, "There must be an admin: make somebody else one first.")
        return cleaned

    def _is_last_admin(self, cleaned: dict[str, Any]) -> bool:
        admins = User.objects.filter(role=User.Role.ADMIN, is_active=True)
        stays = cleaned.get("role") == User.Role.ADMIN and cleaned.get("is_active")
        return not stays and not admins.exclude(pk=self.instance.pk).exists()


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    form = UserForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # people are deactivated: their history stays

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        if password := form.cleaned_data.get("new_password"):
            obj.set_password(password)
        super().save_model(request, obj, form, change)


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(VeniceKey)
class VeniceKeyAdmin(ReadOnly):
    list_display = ("__str__", "user", "source", "problem", "tier", "tested_at")
    list_select_related = ("user",)
    exclude = ("secret", "fingerprint")


@admin.register(Generation)
class GenerationAdmin(ReadOnly):
    list_display = ("id", "user", "model_name", "state", "price", "charged", "created_at")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("=id", "prompt")
    exclude = ("form_token",)


@admin.register(Call)
class CallAdmin(ReadOnly):
    list_display = ("id", "generation_id", "number", "outcome", "charged", "started_at")
    list_filter = ("outcome",)


@admin.register(Image)
class ImageAdmin(ReadOnly):
    list_display = ("id", "user", "state", "visibility", "width", "height", "created_at")
    list_filter = ("state", "visibility")
    list_select_related = ("user",)


@admin.register(VeniceModel)
class VeniceModelAdmin(ReadOnly):
    list_display = ("id", "name", "privacy", "is_offered", "last_seen_at")
    list_filter = ("is_offered", "privacy")


@admin.register(FieldRule)
class FieldRuleAdmin(admin.ModelAdmin):
    """What an admin saves here holds: Venice's refusals no longer change it."""

    list_display = ("model", "field", "is_taken", "source", "changed_at")
    list_filter = ("is_taken", "source")
    list_select_related = ("model",)
    fields = ("model", "field", "is_taken")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "field":
            choices = [(name, name) for name in sorted(OPTIONAL)]
            return forms.ChoiceField(choices=choices, label="Field")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: Any, obj: FieldRule, form: Any, change: bool) -> None:
        obj.source = FieldRule.Source.ADMIN
        super().save_model(request, obj, form, change)


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    list_display = ("scope", "user", "monthly_usd", "changed_at")
    list_select_related = ("user",)


@admin.register(StylePreset)
class StylePresetAdmin(ReadOnly):
    list_display = ("name", "is_offered")

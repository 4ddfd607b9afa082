"""Django's admin, for looking up and for people. Secrets are not shown, money is not edited."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin  # noqa: F401  (registers what is taken out below)
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest

from generations.models import (
    Budget,
    Call,
    FieldRule,
    Generation,
    Image,
    ModelAlias,
    StylePreset,
    User,
    VeniceKey,
    VeniceModel,
)
from generations.services import audit
from generations.services import user as users
from generations.services.parameters import OPTIONAL

# Who signs in and how is for services, which write it down; a session's key is a password.
for _app in ("account", "mfa", "usersessions", "socialaccount"):
    if apps.is_installed(f"allauth.{_app}"):
        import_module(f"allauth.{_app}.admin")
        for _model in apps.get_app_config(_app).get_models():
            if admin.site.is_registered(_model):
                admin.site.unregister(_model)

admin.site.site_header = admin.site.site_title = "veniceweb"
admin.site.site_url = "/"
# The role is the only source of rights; a group would grant nothing.
admin.site.unregister(Group)


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
            if sentence := users.password_problem(password, self.instance):
                self.add_error("new_password", sentence)
        elif self.instance.pk is None:
            self.add_error("new_password", "Somebody new needs a password.")
        return cleaned

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class Noted(admin.ModelAdmin):
    """What is changed here stands in the audit log; Django's views have opened a transaction."""

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.note_saved(request, obj, form)

    def note_saved(self, request: Any, obj: Any, form: Any) -> None:
        kept = {field.name for field in obj._meta.fields}
        changes = {
            name: {"from": _said(form.initial.get(name)), "to": _said(getattr(obj, name))}
            for name in form.changed_data
            if name in kept
        }
        audit.note(audit.Action.ADMIN_SAVED, by=request.user, subject=obj, **changes)

    def delete_model(self, request: Any, obj: Any) -> None:
        audit.note(audit.Action.ADMIN_DELETED, by=request.user, subject=obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: Any, queryset: Any) -> None:
        for obj in queryset:
            audit.note(audit.Action.ADMIN_DELETED, by=request.user, subject=obj)
        super().delete_queryset(request, queryset)


def _said(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) else str(value)


@admin.register(User)
class UserAdmin(Noted):
    form = UserForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # people are deactivated: their history stays

    def get_readonly_fields(self, request: Any, obj: User | None = None) -> tuple[str, ...]:
        # The team's own page changes them: there all that belongs to it happens, too.
        return (*self.readonly_fields, *(("role", "is_active") if obj else ("is_active",)))

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        password = form.cleaned_data.get("new_password", "")
        if not change:
            obj.set_password(password)
            users.keep(obj, by=request.user)
            return
        # And nothing else: whoever is let out in this moment stays out.
        obj.save(update_fields=["email", "name"])
        self.note_saved(request, obj, form)
        if password:
            users.set_password(obj, password, by=request.user)


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
    list_select_related = ("user", "account")
    # Of a person's own key not even the last four are an admin's to see.
    exclude = ("secret", "account", "last_four")

    @admin.display(ordering="account__problem")
    def problem(self, key: VeniceKey) -> str:
        return key.account.get_problem_display() if key.account.problem else ""

    @admin.display(ordering="account__tier")
    def tier(self, key: VeniceKey) -> str:
        return key.account.tier

    @admin.display(ordering="account__tested_at")
    def tested_at(self, key: VeniceKey) -> datetime | None:
        return key.account.tested_at


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
    exclude = ("account",)


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
class FieldRuleAdmin(Noted):
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


@admin.register(ModelAlias)
class ModelAliasAdmin(admin.ModelAdmin):
    """What a program asks for by a name that Venice does not have: dall-e-3."""

    list_display = ("name", "model")
    list_select_related = ("model",)


@admin.register(Budget)
class BudgetAdmin(Noted):
    list_display = ("scope", "user", "monthly_usd", "changed_at")
    list_select_related = ("user",)


@admin.register(StylePreset)
class StylePresetAdmin(ReadOnly):
    list_display = ("name", "is_offered")

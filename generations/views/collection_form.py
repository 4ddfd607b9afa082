"""The form of a collection."""

from typing import Any

from django import forms

from generations import queries
from generations.models import Collection, User


class CollectionForm(forms.Form):
    """What its owner says of a collection. What is right is decided by services.collection."""

    name = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"maxlength": Collection.NAME_LIMIT, "autocomplete": "off"}),
    )
    description = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": 1})
    )
    visibility = forms.CharField(
        required=False,
        label="Who sees it",
        widget=forms.Select(choices=Collection.Visibility.choices),
    )
    parent = forms.CharField(required=False, label="Stands in", widget=forms.Select)
    search = forms.CharField(required=False, label="Filled by", widget=forms.Select)

    def __init__(self, user: User, collection: Collection | None = None, data: Any = None):
        kept = collection and {
            "name": collection.name,
            "description": collection.description,
            "visibility": collection.visibility,
            "parent": str(collection.parent_id or ""),
        }
        super().__init__(data, auto_id="collection-%s", label_suffix="", initial=kept or {})
        own = queries.own_collections(user).filter(search="").order_by("name")
        others = [(str(one.pk), one.name) for one in own if one != collection]
        self.fields["parent"].widget.choices = [("", "No other collection"), *others]
        if collection is not None:
            del self.fields["search"]
            return
        saved = queries.saved_searches(user)
        searches = [(one.query, f"The search “{one.name}”") for one in saved]
        self.fields["search"].widget.choices = [("", "What people add by hand"), *searches]

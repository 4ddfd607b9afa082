"""Who sends a file, once its permission was checked: this program, the server in front, the bucket.

With `accel` the server in front does, for every file that goes out as it lies: it is told where by
a header of this one answer, which nobody outside sees. So nothing lives longer than the check.

With `redirect` a browser gets the bucket's own address, which works for a minute for whoever has
it, whatever happens to the image meanwhile. "Gone at once" does not go with that, so only what is
given away in that moment anyway is redirected: a download that somebody who signed in asks for, of
an image that everybody with the right to it may see. Never what a page shows (which is asked for
anew each time, and our policy for pages allows no other server's pictures), nor what is held, in
the trash, behind a share link or a program's signed address.
"""

from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage

from generations.models import Image
from generations.services import image as images

SECONDS = 60


def inner_path(image: Image, kind: str, *, is_head: bool = False) -> str:
    """What X-Accel-Redirect says; "" when this program sends the bytes.

    Raises FileNotFoundError when a folder has not got it; of a bucket that is not asked.
    """
    if settings.HAND_OFF != "accel":
        return ""
    name = images.name_of(image, kind)
    if inner := getattr(default_storage, "inner_path", None):
        return f"/_s3{inner(name, seconds=SECONDS, is_head=is_head)}"
    if not name or not default_storage.exists(name):
        raise FileNotFoundError(name)
    return f"/_files/{quote(name)}"


def download_url(image: Image, *, headers: dict[str, str]) -> str:
    """The original's address in the bucket, which answers with these headers; "" when this image
    is not to be had there."""
    if settings.HAND_OFF != "redirect" or image.is_held or image.deleted_at:
        return ""
    url: str = default_storage.signed_url(  # type: ignore[attr-defined]
        image.original, seconds=SECONDS, headers=headers
    )
    return url

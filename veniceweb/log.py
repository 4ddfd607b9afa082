"""Lines of the log: text, or one JSON object a line for those who collect logs
(VENICEWEB_LOG=json). Neither tells the token of a share link, an invitation or a program, nor the
password in an address, whoever wrote the line: Django names the address of whatever it answers with
an error, tracebacks may too.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

_TOKEN = re.compile(
    r"""((?:/|%2F)(?:s|invite|signup)(?:/|%2F)|\bvw_)[^/\s"'?&#%]+""", re.IGNORECASE
)
# redis://:password@host, postgres://user:password@host; and what a program signs in with.
_PASSWORD = re.compile(r"""(://[^/\s:@"']*:)[^@/\s"']+(?=@)""")
_BEARER = re.compile(r"""(\bBearer\s+)[^\s"',]+""", re.IGNORECASE)


def without_tokens(line: str) -> str:
    for secret in (_TOKEN, _PASSWORD, _BEARER):
        line = secret.sub(r"\1…", line)
    return line


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


class JsonFormatter(logging.Formatter):
    """`trail` of a record: the ids of its request, job and call. `fields`: figures of its own."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": without_tokens(record.getMessage()),
        }
        for name, value in {**_of(record, "trail"), **_of(record, "fields")}.items():
            entry[name] = without_tokens(value) if isinstance(value, str) else value
        if record.exc_info:
            entry["traceback"] = without_tokens(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _of(record: logging.LogRecord, name: str) -> dict[str, Any]:
    return dict(getattr(record, name, None) or {})

"""Lines of the log: text, or one JSON object a line for those who collect logs
(VENICEWEB_LOG=json). Neither tells the token of a share link, an invitation or a program, whoever
wrote the line: Django names the address of whatever it answers with an error, tracebacks may too.
"""

import json
import logging
import re
from datetime import UTC, datetime

_TOKEN = re.compile(
    r"""((?:/|%2F)(?:s|invite|signup)(?:/|%2F)|\bvw_)[^/\s"'?&#%]+""", re.IGNORECASE
)


def without_tokens(line: str) -> str:
    return _TOKEN.sub(r"\1…", line)


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": without_tokens(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = without_tokens(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)

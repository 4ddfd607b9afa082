"""Django's PostgreSQL, with a pool that is of use again at once after the server's restart.

None of the pool's connections works then. psycopg's own check sleeps 1, 2, 4 … seconds for each
of them, which came to more than a pool's timeout of 20 s (measured 2026-11).
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

# Of the first broken one, of one that broke meanwhile, and the answer.
ATTEMPTS = 3


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works. Raises OperationalError."""
        for attempt in range(1, ATTEMPTS + 1):
            connection = super().get_new_connection(conn_params)
            try:
                ConnectionPool.check_connection(connection)
            except self.Database.OperationalError:
                self.pool.putconn(connection)
                if attempt == ATTEMPTS:
                    raise
                self.pool.check()  # throws all out that do not work, and asks for new ones
            else:
                return connection
        raise AssertionError("not reached")

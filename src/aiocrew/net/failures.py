"""What can go wrong between here and an answer; whoever called decides what that means."""

from __future__ import annotations

__all__ = ["NetError"]


class NetError(Exception):
    """There is no whole answer. `detail` says why, without the URL's query and without headers.

    permanent: the next attempt would fail in the same way (a certificate that is not trusted).
    unreached: there was not even a connection.
    """

    def __init__(
        self, detail: str, *, host: str, port: int | None, permanent: bool = False, unreached: bool = False
    ) -> None:
        super().__init__(detail)
        self.detail, self.host, self.port = detail, host, port
        self.permanent, self.unreached = permanent, unreached

"""The dashboard as a server of one process: our pages, Optuna Dashboard beside them, the gate."""

import concurrent.futures
import contextlib
import errno
import logging
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.ui.dashboard import app
from hpsearch.ui.dashboard.auth import LOCAL, SHORTEST_TOKEN, Application, Gate, Rules
from hpsearch.ui.dashboard.registry import Registry

# Where Optuna Dashboard's pages insist on being.
_OPTUNAS = ("/dashboard", "/api", "/static", "/csv", "/artifacts")
_THREADS = 8
_NICENESS = 10  # a search on this machine comes first


class Server:
    """A dashboard that listens.

    Args:
        runs: a folder of run folders, or one of them.
        host: address to listen on; beyond this machine only with a token.
        port: 0 for a free one.
        token: at least 16 characters; made up if the host needs one and none is given.
        allow_control: whether a person may act on searches.
        names: further names that the dashboard goes by.

    Attributes:
        url: where it is, with the token.

    Raises:
        HpsearchError: the address cannot be used, or the token is too short.
    """

    def __init__(
        self,
        runs: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        token: str | None = None,
        allow_control: bool = False,
        names: Iterable[str] = (),
    ) -> None:
        from waitress import create_server

        # That a request waits for a thread is nothing that anybody must do something about.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

        if token is not None and len(token) < SHORTEST_TOKEN:
            raise HpsearchError(
                f"--token: must have at least {SHORTEST_TOKEN} characters, got {len(token)}; "
                "without the option one is made up where it is needed"
            )
        beyond = host.lower() not in LOCAL
        if beyond and token is None:
            token = secrets.token_urlsafe(24)
        self._shelf = Registry(runs)
        self._sockets: dict[int, Any] = {}
        self._serves = False
        # Acts are done one after another, by a thread that keeps its priority for what it starts.
        self._hands = concurrent.futures.ThreadPoolExecutor(1)
        self._hands.submit(int).result()
        pages = app.make(self._shelf, allow_control=allow_control, hands=self._hands)
        hosts = LOCAL | {name.lower() for name in names}
        if beyond:
            hosts |= {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        gate = Gate(_Beside(pages.wsgi_app, self._shelf), Rules(hosts, beyond, token))
        try:
            address = "127.0.0.1" if host.lower() == "localhost" else host
            self._server: Any = create_server(
                gate, host=address, port=port, threads=_THREADS, map=self._sockets
            )
        except OSError as error:
            self._hands.shutdown()
            for half_made in list(self._sockets.values()):
                half_made.close()
            raise HpsearchError(_unusable(host, port, error)) from error
        # A name may stand for several addresses, each with a socket of its own.
        self._first = next(s for s in self._sockets.values() if hasattr(s, "effective_port"))
        self.port: int = self._first.effective_port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}/" + (f"?token={token}" if token else "")

    def run(self) -> None:
        """Serve until `close`, or an interrupt."""
        self._serves = True
        self._server.run()

    def close(self) -> None:
        """End it, from any thread."""
        if self._serves:
            with contextlib.suppress(OSError):  # an interrupt has closed them already
                self._first.trigger.pull_trigger(self._close_sockets)
        else:
            self._close_sockets()
        self._hands.shutdown()

    def _close_sockets(self) -> None:
        """In the thread that serves, whose loop ends when it has no socket left."""
        self._server.task_dispatcher.shutdown()
        self._shelf.close()
        for open_socket in list(self._sockets.values()):
            open_socket.close()


class _Beside:
    """Our pages, and those of Optuna Dashboard at the paths that it insists on.

    Args:
        pages: ours.
        shelf: what Optuna Dashboard shows; it is loaded when it is first asked for.
    """

    def __init__(self, pages: Application, shelf: Registry) -> None:
        self._pages = pages
        self._shelf = shelf
        self._optunas: Application | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # Waitress leaves a file open that it was to send to a browser which has gone meanwhile;
        # without its wrapper the answer is an ordinary iterable, and closed as such.
        environ.pop("wsgi.file_wrapper", None)
        path = environ.get("PATH_INFO", "")
        if any(path == root or path.startswith(f"{root}/") for root in _OPTUNAS):
            # It fails for whoever does not say what encodings are welcome.
            environ.setdefault("HTTP_ACCEPT_ENCODING", "identity")
            return self._load()(environ, start)
        return self._pages(environ, start)

    def _load(self) -> Application:
        with self._lock:
            if self._optunas is None:
                import optuna_dashboard

                from hpsearch.ui.dashboard.combined_storage import UnionStorage

                self._optunas = optuna_dashboard.wsgi(UnionStorage(self._shelf))
            return self._optunas


def serve(server: Server, *, open_page: bool) -> None:
    """Serve until Ctrl-C or SIGTERM, which ends the process; at low priority."""
    print(f"hpsearch dashboard: {server.url}\nCtrl-C ends it; searches go on", flush=True)
    # Of this thread and those it makes: on Linux each has a niceness of its own.
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    if open_page and any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        webbrowser.open(server.url)
    server.run()


def _unusable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port, or --port 0 for any"
    return f"{host}:{port} cannot be listened on: {error.strerror}; choose another --host or --port"

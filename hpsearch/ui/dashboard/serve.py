"""The dashboard's server: its own pages and Optuna Dashboard behind the access control."""

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
from hpsearch.ui.dashboard.auth import LOCAL, SHORTEST_TOKEN, Application, AuthMiddleware, Rules
from hpsearch.ui.dashboard.registry import Registry

# Optuna Dashboard's pages work only at these paths.
_OPTUNA_PATHS = ("/dashboard", "/api", "/static", "/csv", "/artifacts")
_THREADS = 8
_NICENESS = 10  # searches on this machine have priority


class Server:
    """A dashboard that listens on a socket from its construction on.

    Args:
        runs: a folder of run folders, or one of them.
        host: address to listen on; one that other machines can reach requires a token.
        port: 0 for a free one.
        token: at least 16 characters; generated if the host requires one and none is given.
        allow_control: whether the pages may act on searches.
        names: further names accepted in the Host header.

    Attributes:
        url: the address of the list of studies, with the token.

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

        # It warns of requests that wait for a thread, which is harmless.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

        if token is not None and len(token) < SHORTEST_TOKEN:
            raise HpsearchError(
                f"--token: must have at least {SHORTEST_TOKEN} characters, got {len(token)}; "
                "without the option one is generated if it is required"
            )
        rules = _rules(host, names, token)
        self._registry = Registry(runs)
        self._sockets: dict[int, Any] = {}
        self._serving = False
        # This thread starts before the server lowers its priority, so that the controllers which
        # actions launch inherit the normal one.
        self._action_thread = concurrent.futures.ThreadPoolExecutor(1)
        self._action_thread.submit(int).result()
        pages = app.make(
            self._registry, allow_control=allow_control, action_thread=self._action_thread
        )
        guarded = AuthMiddleware(_PathDispatcher(pages.wsgi_app, self._registry), rules)
        try:
            address = "127.0.0.1" if host.lower() == "localhost" else host
            self._server: Any = create_server(
                guarded, host=address, port=port, threads=_THREADS, map=self._sockets
            )
        except OSError as error:
            self._action_thread.shutdown()
            for open_socket in list(self._sockets.values()):
                open_socket.close()
            raise HpsearchError(_unusable(host, port, error)) from error
        # A name may resolve to several addresses, each with its own socket.
        self._first = next(s for s in self._sockets.values() if hasattr(s, "effective_port"))
        self.port: int = self._first.effective_port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}/" + (f"?token={rules.token}" if rules.token else "")

    def run(self) -> None:
        """Serve until `close` or an interrupt."""
        self._serving = True
        self._server.run()

    def close(self) -> None:
        """Stop serving; may be called from any thread."""
        if self._serving:
            with contextlib.suppress(OSError):  # an interrupt has closed them already
                self._first.trigger.pull_trigger(self._close_sockets)
        else:
            self._close_sockets()
        self._action_thread.shutdown()

    def _close_sockets(self) -> None:
        """The serving loop ends when no socket is left; runs in the thread that serves."""
        from waitress.channel import HTTPChannel

        self._server.task_dispatcher.shutdown()
        self._registry.close()
        for open_socket in list(self._sockets.values()):
            if isinstance(open_socket, HTTPChannel):
                # Also closes the temporary file of an answer that was not sent whole.
                open_socket.handle_close()
            else:
                open_socket.close()


class _PathDispatcher:
    """Sends requests for Optuna Dashboard's paths to it, and all others to the pages.

    Optuna Dashboard is imported at its first request.
    """

    def __init__(self, pages: Application, registry: Registry) -> None:
        self._pages = pages
        self._registry = registry
        self._optuna: Application | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # With its file wrapper, waitress leaves a file open when the browser disconnects early;
        # without the wrapper the answer is an ordinary iterable, which it closes.
        environ.pop("wsgi.file_wrapper", None)
        path = environ.get("PATH_INFO", "")
        if any(path == root or path.startswith(f"{root}/") for root in _OPTUNA_PATHS):
            # Optuna Dashboard fails for a request without this header.
            environ.setdefault("HTTP_ACCEPT_ENCODING", "identity")
            return self._load_optuna()(environ, start)
        return self._pages(environ, start)

    def _load_optuna(self) -> Application:
        with self._lock:
            if self._optuna is None:
                import optuna_dashboard

                from hpsearch.ui.dashboard.combined_storage import CombinedStorage

                self._optuna = optuna_dashboard.wsgi(CombinedStorage(self._registry))
            return self._optuna


def serve(server: Server, *, open_page: bool) -> None:
    """Serve at low priority until Ctrl-C or SIGTERM, which ends the process."""
    print(f"hpsearch dashboard: {server.url}\nCtrl-C ends it; searches continue", flush=True)
    # On Linux this applies to the calling thread and the threads that it starts.
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    if open_page and any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        webbrowser.open(server.url)
    server.run()


def _rules(host: str, names: Iterable[str], token: str | None) -> Rules:
    hosts = LOCAL | {name.lower() for name in names}
    if host.lower() in LOCAL:
        return Rules(hosts, token=token)
    hosts |= {name.lower() for name in (host, socket.gethostname(), socket.getfqdn())}
    return Rules(hosts, addresses=True, token=token or secrets.token_urlsafe(24))


def _unusable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port, or --port 0 for any"
    return f"{host}:{port}: cannot listen: {error.strerror}; choose another --host or --port"

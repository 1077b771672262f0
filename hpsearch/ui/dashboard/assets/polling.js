// Polls the server while the page is visible: backs off on failures, resumes at once on return.

const LIMIT_MS = 15000;

/** An error answer of the server. */
class Refusal extends Error {}

/** JSON from a GET, and its ETag as `tag`; the browser caches and revalidates answers with a tag. */
export async function fetchJson(url) {
  const response = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(LIMIT_MS) });
  // An error may come without a record; an answer that cannot be read counts as a lost connection.
  const body = await (response.ok ? response.json() : response.json().catch(() => ({})));
  if (response.status === 401) throw new Refusal("The token is needed again: reload the page.");
  if (!response.ok) throw new Refusal(body.error ?? `The server answered ${response.status}.`);
  return { body, tag: response.headers.get("ETag") };
}

/**
 * Request url() repeatedly and pass the answers to receive().
 *
 * @param url returns the URL to request next.
 * @param receive gets the answer; may return the delay to the next request, in milliseconds.
 * @param refused gets the server's error answers.
 */
export function follow(url, receive, { every = 1000, refused = () => {} } = {}) {
  let timer = null;
  let busy = false;
  let failures = 0;

  async function poll() {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    let wait = every;
    try {
      const answer = await fetchJson(url()).catch((error) => error);
      connected(!(answer instanceof Error) || answer instanceof Refusal);
      failures = answer instanceof Error ? failures + 1 : 0;
      if (failures > 0) wait = Math.min(LIMIT_MS, every * 2 ** failures);
      if (answer instanceof Refusal) refused(answer);
      else if (failures === 0) wait = receive(answer.body) ?? every;
    } finally {
      busy = false;
      timer = setTimeout(poll, wait);
    }
  }

  document.addEventListener("visibilitychange", poll);
  window.addEventListener("online", poll);
  poll();
  return poll;
}

function connected(yes) {
  const banner = document.getElementById("connection");
  if (banner.hidden === yes) return;
  const lost = "Connection lost, retrying. The page shows the last known state.";
  banner.textContent = yes ? "" : lost;
  banner.hidden = yes;
}

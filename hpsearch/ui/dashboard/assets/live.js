// Asking again and again while somebody looks: more seldom while it fails, at once on return.

const LIMIT_MS = 15000;

/** An answer that says what is wrong. */
export class Refusal extends Error {}

/** JSON from a GET; its ETag as `tag`. The browser keeps what has a tag, and asks whether it holds. */
export async function ask(url) {
  const response = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(LIMIT_MS) });
  const body = await response.json().catch(() => ({}));
  if (response.status === 401)
    throw new Refusal("This dashboard asks for its token again: reload the page.");
  if (!response.ok) throw new Refusal(body.error ?? `The server answered ${response.status}.`);
  return { body, tag: response.headers.get("ETag") };
}

/**
 * Ask for url() every so often and give the answer to take().
 *
 * @param url says what to ask for next.
 * @param take gets the answer; may return how long to wait, in milliseconds.
 * @param refused gets a Refusal of the server's; the connection itself stands.
 */
export function follow(url, take, { every = 1000, refused = () => {} } = {}) {
  let timer = null;
  let busy = false;
  let failures = 0;

  async function turn() {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    let wait = every;
    try {
      const answer = await ask(url()).catch((error) => error);
      connected(!(answer instanceof Error) || answer instanceof Refusal);
      failures = answer instanceof Error ? failures + 1 : 0;
      if (failures > 0) wait = Math.min(LIMIT_MS, every * 2 ** failures);
      if (answer instanceof Refusal) refused(answer);
      else if (failures === 0) wait = take(answer.body) ?? every;
    } finally {
      busy = false;
      timer = setTimeout(turn, wait);
    }
  }

  document.addEventListener("visibilitychange", turn);
  window.addEventListener("online", turn);
  turn();
  return turn;
}

function connected(yes) {
  const place = document.getElementById("connection");
  if (place.hidden === yes) return;
  place.textContent = yes
    ? ""
    : "Connection lost, trying again. What you see is the last that was known.";
  place.hidden = yes;
}

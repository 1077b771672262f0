// A log that follows a running trial; earlier lines are loaded on demand.

import { button } from "./dom.js";
import { fetchJson } from "./polling.js";

const MAX_LENGTH = 1 << 20; // characters in the page

export class Log {
  constructor(element, acts, address) {
    this.element = element;
    this.address = address;
    this.grows = true;
    this.next = null; // byte to continue from
    this.from = 0; // first byte shown
    this.following = true;
    this.button = button("Follow", () => this.follow(!this.following), { "aria-pressed": "true" });
    this.earlier = button("Earlier lines", () => this.readEarlier(), { hidden: true });
    acts.append(this.earlier, this.button);
    element.addEventListener(
      "scroll",
      () => {
        const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
        if (atEnd !== this.following) this.follow(atEnd);
      },
      { passive: true },
    );
  }

  follow(yes) {
    this.following = yes;
    this.button.setAttribute("aria-pressed", String(yes));
    if (yes) this.element.scrollTop = this.element.scrollHeight;
  }

  async read() {
    if (this.busy || (this.ended && !this.grows)) return;
    this.busy = true;
    try {
      let log;
      do {
        const grew = this.grows; // before this read
        log = (await fetchJson(`${this.address}${this.next === null ? "" : `?from=${this.next}`}`))
          .body;
        if (this.next === null || log.size < this.next) this.begin(log);
        else if (log.text) this.element.append(log.text);
        this.ended = !grew && log.next >= log.size;
        const stuck = log.next === this.next;
        this.next = log.next;
        if (stuck) break;
      } while (this.next < log.size);
      this.cut();
      if (this.following) this.element.scrollTop = this.element.scrollHeight;
    } catch {
      // The page's polling shows a lost connection.
    } finally {
      this.busy = false;
    }
  }

  /** Show the first part, or the log of a new attempt. */
  begin(log) {
    this.from = log.from;
    this.earlier.hidden = log.from === 0;
    this.element.replaceChildren(log.text || "");
    this.element.dataset.empty = log.text ? "no" : "yes";
  }

  async readEarlier() {
    const { body } = await fetchJson(`${this.address}?until=${this.from}`);
    this.follow(false);
    const height = this.element.scrollHeight;
    this.element.prepend(body.text);
    this.element.scrollTop += this.element.scrollHeight - height;
    this.from = body.from;
    this.earlier.hidden = body.from === 0;
    if (this.earlier.hidden) this.element.focus();
  }

  /** Bounds the memory of a page that stays open. */
  cut() {
    if (!this.following || this.element.textContent.length < 2 * MAX_LENGTH) return;
    this.next = null; // the next read starts with the last part again
    this.ended = false;
  }
}

// A log that follows a running trial; earlier lines are loaded on demand.

import { button } from "./dom.js";
import { ask } from "./polling.js";

const MAX_LENGTH = 1 << 20; // characters in the page

export class Log {
  constructor(place, acts, address) {
    this.place = place;
    this.address = address;
    this.grows = true;
    this.next = null; // byte to continue from
    this.from = 0; // first byte shown
    this.following = true;
    this.button = button("Follow", () => this.follow(!this.following), { "aria-pressed": "true" });
    this.earlier = button("Earlier lines", () => this.readEarlier(), { hidden: true });
    acts.append(this.earlier, this.button);
    place.addEventListener(
      "scroll",
      () => {
        const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 24;
        if (atEnd !== this.following) this.follow(atEnd);
      },
      { passive: true },
    );
  }

  follow(yes) {
    this.following = yes;
    this.button.setAttribute("aria-pressed", String(yes));
    if (yes) this.place.scrollTop = this.place.scrollHeight;
  }

  async read() {
    if (this.busy || (this.ended && !this.grows)) return;
    this.busy = true;
    try {
      let log;
      do {
        const grew = this.grows; // before this read
        log = (await ask(`${this.address}${this.next === null ? "" : `?from=${this.next}`}`)).body;
        if (this.next === null || log.size < this.next) this.begin(log);
        else if (log.text) this.place.append(log.text);
        this.ended = !grew && log.next >= log.size;
        const stuck = log.next === this.next;
        this.next = log.next;
        if (stuck) break;
      } while (this.next < log.size);
      this.cut();
      if (this.following) this.place.scrollTop = this.place.scrollHeight;
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
    this.place.replaceChildren(log.text || "");
    this.place.dataset.empty = log.text ? "no" : "yes";
  }

  async readEarlier() {
    const { body } = await ask(`${this.address}?until=${this.from}`);
    this.follow(false);
    const height = this.place.scrollHeight;
    this.place.prepend(body.text);
    this.place.scrollTop += this.place.scrollHeight - height;
    this.from = body.from;
    this.earlier.hidden = body.from === 0;
    if (this.earlier.hidden) this.place.focus();
  }

  /** Bounds the memory of a page that stays open. */
  cut() {
    if (!this.following || this.place.textContent.length < 2 * MAX_LENGTH) return;
    this.next = null; // the next read starts with the last part again
    this.ended = false;
  }
}

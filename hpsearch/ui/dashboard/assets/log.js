// A log that is followed: new lines come by themselves, earlier ones on demand.

import { h } from "./dom.js";
import { ask } from "./live.js";

const KEPT = 1 << 20; // characters on the page

export class Log {
  constructor(place, acts, address) {
    this.place = place;
    this.address = address;
    this.grows = true;
    this.next = null; // byte to go on from
    this.from = 0; // byte that the page begins with
    this.follows = true;
    this.button = h(
      "button",
      {
        class: "button small",
        type: "button",
        "aria-pressed": "true",
        onclick: () => this.follow(!this.follows),
      },
      "Follow",
    );
    this.earlier = h(
      "button",
      { class: "button small", type: "button", hidden: true, onclick: () => this.readEarlier() },
      "Earlier lines",
    );
    acts.append(this.earlier, this.button);
    place.addEventListener(
      "scroll",
      () => {
        const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 24;
        if (atEnd !== this.follows) this.follow(atEnd);
      },
      { passive: true },
    );
  }

  follow(yes) {
    this.follows = yes;
    this.button.setAttribute("aria-pressed", String(yes));
    if (yes) this.place.scrollTop = this.place.scrollHeight;
  }

  async read() {
    if (this.busy || (this.ended && !this.grows)) return;
    this.busy = true;
    try {
      let log;
      do {
        const grew = this.grows; // as it was before what is read now
        log = (await ask(`${this.address}${this.next === null ? "" : `?from=${this.next}`}`)).body;
        if (this.next === null || log.size < this.next) this.begin(log);
        else if (log.text) this.place.append(log.text);
        this.ended = !grew && log.next >= log.size;
        const stuck = log.next === this.next;
        this.next = log.next;
        if (stuck) break;
      } while (this.next < log.size);
      this.cut();
      if (this.follows) this.place.scrollTop = this.place.scrollHeight;
    } catch {
      // The page's own asking tells of a lost connection.
    } finally {
      this.busy = false;
    }
  }

  /** The first part, or the log of another attempt, which began anew. */
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

  /** A page that is left open for a night must not grow without end. */
  cut() {
    if (!this.follows || this.place.textContent.length < 2 * KEPT) return;
    this.next = null; // the next reading begins with the last part again
    this.ended = false;
  }
}

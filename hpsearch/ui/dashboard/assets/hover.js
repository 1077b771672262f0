// What a cell says when looked at: its parameters beside its parent's, and lines to its relatives.

import { $, at, h, svg } from "./dom.js";
import { number, reason, role } from "./format.js";
import { ask } from "./live.js";

const PATIENCE_MS = 70; // a pointer that only passes asks for nothing

export class Hover {
  constructor(strips, table, name) {
    this.strips = strips;
    this.table = table;
    this.name = name;
    this.known = new Map(); // summaries of ended trials
    this.cell = null;
    this.tip = h("div", { class: "tip", role: "tooltip", id: "tip", hidden: true });
    document.body.append(this.tip);
    strips.addEventListener("pointerover", (event) => this.turnTo(event.target.closest(".cell")));
    strips.addEventListener("pointerleave", () =>
      this.turnTo(
        this.strips.contains(document.activeElement)
          ? document.activeElement.closest(".cell")
          : null,
      ),
    );
    strips.addEventListener("focusin", (event) => this.turnTo(event.target.closest(".cell")));
    strips.addEventListener("focusout", () => this.turnTo(null));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.turnTo(null));
    document.addEventListener("scroll", () => this.place(), { passive: true, capture: true });
  }

  turnTo(cell) {
    if (cell === this.cell) return;
    clearTimeout(this.timer);
    this.leave();
    this.cell = cell;
    if (cell) this.timer = setTimeout(() => this.look(cell), PATIENCE_MS);
  }

  leave() {
    this.cell?.removeAttribute("aria-describedby");
    this.tip.hidden = true;
    this.lines?.remove();
    for (const cell of this.strips.querySelectorAll(".related")) cell.classList.remove("related");
  }

  async look(cell) {
    const trial = this.table.trials.get(Number(cell.dataset.number));
    let summary = this.known.get(trial.number);
    if (!summary) {
      try {
        summary = (await ask(at.data(this.name, `/trial/${trial.number}/summary`))).body;
      } catch {
        return; // the connection's state is told elsewhere
      }
      if (trial.state !== "running") this.known.set(trial.number, summary);
    }
    if (this.cell !== cell) return;
    this.tip.replaceChildren(...this.words(trial, summary));
    this.tip.hidden = false;
    cell.setAttribute("aria-describedby", "tip");
    this.place();
    this.connect(cell, trial, summary);
  }

  words(trial, summary) {
    const { metric } = this.table.head;
    const running = this.table.running.get(trial.number);
    const value =
      trial.value !== null
        ? `${metric} ${number(trial.value, 5)}`
        : running
          ? `step ${running.step} of ${running.budget}`
          : "";
    const state =
      trial.state === "fail"
        ? `failed: ${reason(trial.reason)}`
        : trial.reason
          ? reason(trial.reason)
          : "";
    const others = summary.donors.filter((donor) => donor !== summary.parent);
    const from =
      summary.parent === null
        ? "drawn from the prior"
        : trial.role === "draw"
          ? `drawn around ${summary.parent}${others.length ? `, mixed with ${others.join(", ")}` : ""}`
          : `${role(trial.role)} of ${summary.parent}`;
    return [
      h("p", { class: "tip-head" }, h("b", null, `Trial ${trial.number}`), h("span", null, value)),
      h("p", { class: "quiet" }, from, state && ` · ${state}`),
      h(
        "table",
        null,
        h(
          "tbody",
          null,
          summary.params.map((one) =>
            h(
              "tr",
              { class: one.changed ? "changed" : "" },
              h("th", { scope: "row" }, one.name),
              h("td", null, number(one.value)),
              h(
                "td",
                { class: "was" },
                one.changed ? (one.inherited ? `was ${number(one.parent)}` : "new") : "",
              ),
            ),
          ),
        ),
      ),
    ];
  }

  /** Beside the cell, inside the window. */
  place() {
    if (this.tip.hidden || !this.cell) return;
    const cell = this.cell.getBoundingClientRect();
    const tip = this.tip.getBoundingClientRect();
    const below = cell.bottom + 10 + tip.height < innerHeight;
    const top = below ? cell.bottom + 8 : Math.max(4, cell.top - tip.height - 8);
    const left = Math.min(Math.max(8, cell.left - 20), innerWidth - tip.width - 8);
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  connect(cell, trial, summary) {
    const box = this.strips.getBoundingClientRect();
    const middle = (of) => {
      const { left, top, width, height } = of.getBoundingClientRect();
      return [left - box.left + width / 2, top - box.top + height / 2];
    };
    const relatives = [
      ...summary.donors.filter((one) => one !== summary.parent).map((one) => [one, "donor"]),
      ...(this.table.children.get(trial.number) ?? []).map((one) => [one, "child"]),
      ...(summary.parent === null ? [] : [[summary.parent, "parent"]]),
    ];
    const [x, y] = middle(cell);
    const paths = relatives.map(([of, kind]) => {
      const other = $(`.cell[data-number="${of}"]`, this.strips);
      if (!other) return null; // in a round that is folded away
      other.classList.add("related");
      const [ox, oy] = middle(other);
      const half = (y + oy) / 2;
      return svg("path", {
        class: `kin ${kind}`,
        d: `M${x} ${y}C${x} ${half} ${ox} ${half} ${ox} ${oy}`,
      });
    });
    this.lines = svg("svg", { class: "kinship", "aria-hidden": "true" }, paths);
    this.strips.append(this.lines);
  }
}

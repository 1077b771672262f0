// The tooltip of a cell: its parameters beside its parent's; and lines to related trials.

import { $, at, h, quiet, row, svg } from "./dom.js";
import { number, reason } from "./format.js";
import { origin } from "./params.js";
import { fetchJson } from "./polling.js";

const DELAY_MS = 70; // a passing pointer sends no request

export class Hover {
  constructor(strips, table, name) {
    this.strips = strips;
    this.table = table;
    this.name = name;
    this.summaries = new Map(); // summaries of ended trials
    this.cell = null;
    this.tip = h("div.tip", { role: "tooltip", id: "tip", hidden: true });
    document.body.append(this.tip);
    strips.addEventListener("pointerover", (event) => this.select(event.target.closest(".cell")));
    strips.addEventListener("pointerleave", () =>
      this.select(
        this.strips.contains(document.activeElement)
          ? document.activeElement.closest(".cell")
          : null,
      ),
    );
    strips.addEventListener("focusin", (event) => this.select(event.target.closest(".cell")));
    strips.addEventListener("focusout", () => this.select(null));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.select(null));
    document.addEventListener("scroll", () => this.position(), { passive: true, capture: true });
  }

  select(cell) {
    if (cell === this.cell) return;
    clearTimeout(this.timer);
    this.hide();
    this.cell = cell;
    if (cell) this.timer = setTimeout(() => this.showTip(cell), DELAY_MS);
  }

  hide() {
    this.cell?.removeAttribute("aria-describedby");
    this.tip.hidden = true;
    this.lines?.remove();
    for (const cell of this.strips.querySelectorAll(".related")) cell.classList.remove("related");
  }

  async showTip(cell) {
    const trial = this.table.trials.get(Number(cell.dataset.number));
    let summary = this.summaries.get(trial.number);
    if (!summary) {
      try {
        summary = (await fetchJson(at.data(this.name, `/trial/${trial.number}/summary`))).body;
      } catch {
        return; // the page shows a lost connection
      }
      if (trial.state !== "running") this.summaries.set(trial.number, summary);
    }
    if (this.cell !== cell) return;
    this.tip.replaceChildren(...this.content(trial, summary));
    this.tip.hidden = false;
    cell.setAttribute("aria-describedby", "tip");
    this.position();
    this.drawLines(cell, trial, summary);
  }

  content(trial, summary) {
    const { metric } = this.table.head;
    const running = this.table.running.get(trial.number);
    const step = running ? `step ${running.step} of ${running.budget}` : "";
    const value = trial.value === null ? step : `${metric} ${number(trial.value, 5)}`;
    const failed = trial.state === "fail" ? "failed: " : "";
    const state = trial.reason && ` · ${failed}${reason(trial.reason)}`;
    const was = (one) => one.changed && (one.inherited ? `was ${number(one.parent)}` : "new");
    const rows = summary.params.map((one) =>
      row(one.name, [number(one.value), h("td.was", was(one))], {
        class: one.changed ? "changed" : "",
      }),
    );
    return [
      h("p.tip-head", h("b", `Trial ${trial.number}`), h("span", value)),
      quiet(origin(summary, String), state),
      h("table", h("tbody", rows)),
    ];
  }

  /** Beside the cell, inside the window. */
  position() {
    if (this.tip.hidden || !this.cell) return;
    const cell = this.cell.getBoundingClientRect();
    const tip = this.tip.getBoundingClientRect();
    const below = cell.bottom + 10 + tip.height < innerHeight;
    const top = below ? cell.bottom + 8 : Math.max(4, cell.top - tip.height - 8);
    const left = Math.min(Math.max(8, cell.left - 20), innerWidth - tip.width - 8);
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  drawLines(cell, trial, summary) {
    const box = this.strips.getBoundingClientRect();
    const center = (element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left - box.left + width / 2, top - box.top + height / 2];
    };
    const relatives = [
      ...summary.donors.filter((one) => one !== summary.parent).map((one) => [one, "donor"]),
      ...(this.table.children.get(trial.number) ?? []).map((one) => [one, "child"]),
      ...(summary.parent === null ? [] : [[summary.parent, "parent"]]),
    ];
    const [x, y] = center(cell);
    const paths = relatives.map(([of, kind]) => {
      const other = $(`.cell[data-number="${of}"]`, this.strips);
      if (!other) return null; // in a round that is hidden
      other.classList.add("related");
      const [ox, oy] = center(other);
      const half = (y + oy) / 2;
      return svg("path", {
        class: `relation ${kind}`,
        d: `M${x} ${y}C${x} ${half} ${ox} ${half} ${ox} ${oy}`,
      });
    });
    this.lines = svg("svg.relations", { "aria-hidden": "true" }, paths);
    this.strips.append(this.lines);
  }
}

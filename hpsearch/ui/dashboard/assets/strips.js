// Rounds as strips of cells, one cell per trial, coloured by its rank in the round.

import { at, button, h } from "./dom.js";
import { count, number, role, several, spread } from "./format.js";
import { Hover } from "./hover.js";
import { shade } from "./colors.js";
import { confirmed, isConfirmation } from "./table.js";

const LAST_SHOWN = 12; // rounds, besides the first

export class Strips {
  constructor(element, table, name) {
    this.element = element;
    this.table = table;
    this.name = name;
    this.all = false; // whether the middle rounds are shown too
    this.reset();
    this.hover = new Hover(element, table, name);
    element.addEventListener("keydown", (event) => this.move(event));
    element.addEventListener(
      "focusin",
      (event) => event.target.matches(".cell") && this.rove(event.target),
    );
  }

  reset() {
    this.rows = new Map(); // by strip: element, its cells by number
    this.drawn = new Map(); // the last appearance of each cell
    this.element.replaceChildren();
    this.remaining = h("p.quiet.to-come");
  }

  update({ touched, fresh }) {
    if (fresh) this.reset();
    const shown = this.shown();
    this.arrange(shown);
    for (const strip of shown) {
      const row = this.rows.get(strip);
      if (strip === "more")
        row.button.textContent = `Show the ${count(this.hidden)} rounds between`;
      else if (row.empty || touched.has(strip)) this.draw(strip, row);
    }
    this.showRemaining();
    if (!this.element.querySelector('.cell[tabindex="0"]'))
      this.element.querySelector(".cell")?.setAttribute("tabindex", "0");
  }

  /** The strips to show, in order; "more" stands for the hidden rounds. */
  shown() {
    const { rounds, strips, head } = this.table;
    let names = rounds.map((round) => `r${round.round}`);
    if (!this.all && names.length > LAST_SHOWN + 2)
      names = [names[0], "more", ...names.slice(-LAST_SHOWN)];
    if (strips.has("rerun")) names.push("rerun");
    const winners = head.winners.map((winner) => stripOfWinner(winner, this.table));
    const others = [...strips.keys()].filter(
      (strip) => isConfirmation(strip) && !winners.includes(strip),
    );
    names.push(...winners.filter((strip) => strips.has(strip)), ...others);
    this.hidden = rounds.length - 1 - LAST_SHOWN;
    return names;
  }

  arrange(shown) {
    if (shown.join() === this.order) return;
    this.order = shown.join();
    for (const strip of shown)
      if (!this.rows.has(strip))
        this.rows.set(strip, strip === "more" ? this.more() : this.row(strip));
    const wanted = shown.map((strip) => this.rows.get(strip).element);
    for (const [strip, row] of this.rows) if (!shown.includes(strip)) row.element.remove();
    let grid = this.element.querySelector("[role=grid]");
    if (!grid) {
      grid = h("div", {
        role: "grid",
        "aria-label": "Trials by round; arrow keys move, Enter opens",
      });
      this.element.replaceChildren(grid, this.remaining);
    }
    // Move only misplaced elements: a cell that has the focus must stay in the page.
    wanted.forEach((element, i) => {
      if (grid.children[i] !== element) grid.insertBefore(element, grid.children[i] ?? null);
    });
  }

  row(strip) {
    const label = h("div.strip-label", { role: "rowheader" });
    const cells = h("div.cells");
    const numbers = h("div.strip-numbers", { role: "gridcell" });
    return {
      element: h("div.strip", { role: "row", dataset: { strip } }, label, cells, numbers),
      label,
      cells,
      numbers,
      empty: true,
    };
  }

  more() {
    const showAll = () => {
      this.all = true;
      this.update({ touched: new Set() });
      this.element.querySelector('[data-strip="r1"] .cell')?.focus();
    };
    const more = button("", showAll);
    const element = h("div.strip.more", { role: "row" }, h("div", { role: "gridcell" }, more));
    return { element, button: more };
  }

  draw(strip, row) {
    row.empty = false;
    const members = this.table.strips.get(strip) ?? [];
    const ranks = this.table.ranks(strip);
    const { label, numbers } = this.words(strip, members);
    row.label.replaceChildren(...label);
    row.numbers.replaceChildren(...numbers);
    const round = this.table.rounds[members[0]?.round];
    const survivors = new Set(strip.startsWith("r") ? round?.survivors : []);
    for (const [i, trial] of members.entries()) {
      let cell = row.cells.children[i];
      if (!cell) {
        cell = h(
          "div",
          { role: "gridcell" },
          h("a.cell", {
            href: at.trial(this.name, trial.number),
            tabindex: "-1",
            dataset: { number: trial.number },
          }),
        );
        row.cells.append(cell);
      }
      this.updateCell(cell.firstChild, trial, ranks.get(trial.number), survivors.has(trial.number));
    }
  }

  updateCell(cell, trial, rank, survives) {
    const look = this.table.look(trial);
    const running = this.table.running.get(trial.number);
    const done = running ? Math.min(1, running.step / running.budget) : 0;
    const state = [look, rank?.rank, rank?.of, survives, done, trial.reason].join();
    if (this.drawn.get(trial.number) === state) return;
    this.drawn.set(trial.number, state);
    cell.dataset.look = look;
    cell.classList.toggle("survivor", survives);
    cell.classList.toggle("continued", trial.role === "continue");
    const broken = look === "done" ? trial.reason : null;
    cell.classList.toggle("collapsed", Boolean(broken));
    cell.style.setProperty("--cell", look === "done" && rank ? shade(rank.good) : "");
    cell.style.setProperty("--done", `${Math.round(done * 100)}%`);
    const words = [`Trial ${trial.number}`];
    if (trial.role !== "draw") words.push(role(trial.role));
    if (look === "done")
      words.push(
        `${this.table.head.metric} ${number(trial.value)}`,
        `rank ${rank.rank} of ${rank.of}`,
      );
    else if (look === "failed") words.push(`failed: ${trial.reason}`);
    else if (look === "running") words.push(`running, ${Math.round(done * 100)} %`);
    else words.push("waiting");
    if (broken) words.push(broken.replaceAll("_", " "));
    if (survives) words.push("survivor");
    cell.setAttribute("aria-label", words.join(", "));
  }

  /** The content of a strip's heading and of the numbers at its end. */
  words(strip, members) {
    const lines = (first, second) => [h("b", first), h("span", second)];
    if (strip === "rerun") return { label: lines("reruns", "with fresh seeds"), numbers: [] };
    return isConfirmation(strip)
      ? this.confirmationWords(strip, members, lines)
      : this.roundWords(this.table.rounds[Number(strip.slice(1))], lines);
  }

  confirmationWords(strip, members, lines) {
    const { head, rounds } = this.table;
    const { number: candidate, budget } = confirmed(strip);
    const winner = head.winners.find((one) => stripOfWinner(one, this.table) === strip);
    const best = winner && head.winners[0] === winner && head.state === "finished";
    const isEarlier = budget < rounds.at(-1).budget;
    const seeds = isEarlier
      ? `earlier, at ${count(budget)} steps`
      : several(members.length, "fresh seed");
    const searched = winner && `${number(winner.searched)} in the search`;
    return {
      label: lines(`confirm ${candidate}`, best ? "winner" : seeds),
      numbers: winner ? lines(spread(winner.confirmed), searched) : [],
    };
  }

  roundWords(round, lines) {
    const width = `width ${number(round.width, 2)}${round.surrogate ? `, ${round.surrogate}` : ""}`;
    const around = round.round === 0 ? "prior" : width;
    return {
      label: lines(`round ${round.round}`, `${count(round.budget)} steps · ${around}`),
      numbers:
        round.best === null
          ? [h("span", `${round.done} of ${round.trials} done`)]
          : lines(number(round.best), `median ${number(round.median)}`),
    };
  }

  showRemaining() {
    const { plan, state, winners } = this.table.head;
    const parts = [];
    const rounds = plan.rounds - this.table.rounds.length;
    const open = state !== "finished" && state !== "failed";
    if (open && rounds > 0) parts.push(`${several(rounds, "more round")} of ${plan.trials}`);
    if (open && winners.length === 0 && plan.candidates * plan.seeds > 0) {
      const seeds = several(plan.seeds, "fresh seed");
      parts.push(`the best ${plan.candidates} confirmed over ${seeds}`);
    }
    this.remaining.hidden = parts.length === 0;
    this.remaining.textContent = `Remaining: ${parts.join(", then ")}.`;
  }

  /** Only one cell is in the page's tab order; the arrow keys reach the others. */
  rove(cell) {
    for (const other of this.element.querySelectorAll('.cell[tabindex="0"]')) other.tabIndex = -1;
    cell.tabIndex = 0;
  }

  move(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...this.element.querySelectorAll(".cells")]
      .map((cells) => [...cells.querySelectorAll(".cell")])
      .filter((row) => row.length);
    const row = rows.find((one) => one.includes(cell));
    const [r, c] = [rows.indexOf(row), row.indexOf(cell)];
    const next = {
      ArrowLeft: row[c - 1],
      ArrowRight: row[c + 1],
      Home: row[0],
      End: row.at(-1),
      ArrowUp: rows[r - 1]?.[Math.min(c, rows[r - 1].length - 1)],
      ArrowDown: rows[r + 1]?.[Math.min(c, rows[r + 1].length - 1)],
    };
    if (!(event.key in next)) return;
    event.preventDefault();
    next[event.key]?.focus();
  }
}

function stripOfWinner(winner, table) {
  return table.stripOf(table.trials.get(winner.trials[0]));
}

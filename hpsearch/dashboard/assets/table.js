// What a page knows of a study: the answers of the server, merged.

export class Table {
  constructor() {
    this.epoch = "";
    this.version = 0;
    this.clear();
  }

  clear() {
    this.head = null;
    this.pending = null;
    this.trials = new Map(); // by number
    this.rounds = []; // summaries
    this.running = new Map(); // by number
    this.strips = new Map(); // trials of each strip: "r3", "c97" (confirmations of trial 97), "again"
    this.children = new Map(); // numbers of the trials that continue, confirm or repeat one
  }

  get query() {
    return `?epoch=${this.epoch}&since=${this.version}`;
  }

  /** Merge an answer; returns the strips that look different now, and whether trials changed. */
  take(answer) {
    const fresh = answer.epoch !== this.epoch || (answer.since === 0 && this.version !== 0);
    if (fresh && !answer.same) this.clear();
    this.epoch = answer.epoch;
    this.version = answer.version;
    this.pending = answer.pending ?? null;
    const touched = new Set();
    if (answer.same) return { touched, fresh: false, trials: false };
    this.head = answer.head;
    const before = this.running;
    this.running = new Map(answer.running.map((one) => [one.number, one]));
    for (const values of answer.trials) {
      const trial = Object.fromEntries(answer.columns.map((name, i) => [name, values[i] ?? null]));
      this.put(trial);
      touched.add(stripOf(trial));
    }
    if ([...touched].some((strip) => strip.startsWith("c"))) {
      for (const strip of this.strips.keys()) if (strip.startsWith("c")) touched.add(strip);
    }
    for (const round of answer.rounds) {
      this.rounds[round.round] = round;
      touched.add(`r${round.round}`);
    }
    for (const number of [...before.keys(), ...this.running.keys()]) {
      const trial = this.trials.get(number);
      if (trial) touched.add(stripOf(trial));
    }
    return { touched, fresh, trials: answer.trials.length > 0 };
  }

  put(trial) {
    const strip = stripOf(trial);
    if (!this.trials.has(trial.number)) {
      if (!this.strips.has(strip)) this.strips.set(strip, []);
      this.strips.get(strip).push(trial);
      if (trial.parent !== null) {
        if (!this.children.has(trial.parent)) this.children.set(trial.parent, []);
        this.children.get(trial.parent).push(trial.number);
      }
    } else {
      const members = this.strips.get(strip);
      members[members.findIndex((one) => one.number === trial.number)] = trial;
    }
    this.trials.set(trial.number, trial);
  }

  /** A trial's place among those of its strip, 0 for the worst and 1 for the best, by number. */
  ranks(strip) {
    const sign = this.head.direction === "minimize" ? 1 : -1;
    const valued = this.rivals(strip).filter((trial) => trial.value !== null);
    valued.sort((a, b) => sign * (a.value - b.value) || a.number - b.number);
    const last = Math.max(1, valued.length - 1);
    return new Map(
      valued.map((trial, place) => [
        trial.number,
        { place: place + 1, of: valued.length, good: 1 - place / last },
      ]),
    );
  }

  /** Trials that are ranked together: a round's; all confirmations, whose candidates compete. */
  rivals(strip) {
    if (!strip.startsWith("c")) return this.strips.get(strip) ?? [];
    return [...this.strips]
      .filter(([name]) => name.startsWith("c"))
      .flatMap(([, trials]) => trials);
  }

  look(trial) {
    if (trial.state === "running") return this.running.has(trial.number) ? "running" : "waiting";
    return trial.state === "fail" ? "failed" : "done";
  }
}

export function stripOf(trial) {
  if (trial.role === "confirm") return `c${trial.parent}`;
  return trial.role === "again" ? "again" : `r${trial.round}`;
}

// The state of a study: the server's answers, merged.

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
    this.strips = new Map(); // trials of each strip, see stripOf
    this.children = new Map(); // numbers of the trials that continue, confirm or repeat one
  }

  get query() {
    return `?epoch=${this.epoch}&since=${this.version}`;
  }

  /** Merge an answer; returns the strips to redraw, and whether trials changed. */
  merge(answer) {
    const fresh = answer.epoch !== this.epoch || (answer.since === 0 && this.version !== 0);
    if (fresh && !answer.same) this.clear();
    this.epoch = answer.epoch;
    this.version = answer.version;
    this.pending = answer.pending ?? null;
    const touched = new Set();
    if (answer.same) return { touched, fresh: false, trials: false };
    const ended = this.head?.state !== answer.head.state;
    this.head = answer.head;
    const before = this.running;
    this.running = new Map(answer.running.map((one) => [one.number, one]));
    for (const round of answer.rounds) {
      this.rounds[round.round] = round;
      touched.add(`r${round.round}`);
    }
    for (const values of answer.trials) {
      const trial = Object.fromEntries(answer.columns.map((name, i) => [name, values[i] ?? null]));
      this.put(trial);
      touched.add(this.stripOf(trial));
    }
    // Candidates are ranked together, and the winner is known once all have ended.
    if (ended || [...touched].some(isConfirmation)) {
      for (const strip of this.strips.keys()) if (isConfirmation(strip)) touched.add(strip);
    }
    for (const number of [...before.keys(), ...this.running.keys()]) {
      const trial = this.trials.get(number);
      if (trial) touched.add(this.stripOf(trial));
    }
    return { touched, fresh, trials: answer.trials.length > 0 };
  }

  /** "r3" for round 3, "c97-800" for the confirmations of trial 97 at 800 steps, or "rerun". */
  stripOf(trial) {
    if (trial.role === "confirm") return `c${trial.parent}-${this.rounds[trial.round].budget}`;
    return trial.role === "rerun" ? "rerun" : `r${trial.round}`;
  }

  put(trial) {
    const strip = this.stripOf(trial);
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

  /** By number the rank of each trial of a strip, and how good it is: 0 the worst, 1 the best. */
  ranks(strip) {
    if (strip !== "rerun") return this.ranked(this.rivals(strip));
    // A rerun is ranked among the trials of the round whose parameters it repeats.
    const reruns = this.strips.get(strip).map((trial) => {
      const ranks = this.ranked([...this.rivals(`r${trial.round}`), trial]);
      return [trial.number, ranks.get(trial.number)];
    });
    return new Map(reruns);
  }

  ranked(trials) {
    const sign = this.head.direction === "minimize" ? 1 : -1;
    const valued = trials.filter((trial) => trial.value !== null);
    valued.sort((a, b) => sign * (a.value - b.value) || a.number - b.number);
    const last = Math.max(1, valued.length - 1);
    return new Map(
      valued.map((trial, i) => [
        trial.number,
        { rank: i + 1, of: valued.length, good: 1 - i / last },
      ]),
    );
  }

  /** Trials that are ranked together: a round's; the confirmations at the same budget. */
  rivals(strip) {
    if (!isConfirmation(strip)) return this.strips.get(strip) ?? [];
    const budget = confirmed(strip).budget;
    return [...this.strips]
      .filter(([name]) => isConfirmation(name) && confirmed(name).budget === budget)
      .flatMap(([, trials]) => trials);
  }

  look(trial) {
    if (trial.state === "running") return this.running.has(trial.number) ? "running" : "waiting";
    return trial.state === "fail" ? "failed" : "done";
  }
}

export function isConfirmation(strip) {
  return strip.startsWith("c");
}

/** The candidate of a strip of confirmations, and their budget in steps. */
export function confirmed(strip) {
  const [number, budget] = strip.slice(1).split("-").map(Number);
  return { number, budget };
}

// A trial's artifacts by series; a slider over steps shows how a GAN's samples develop.

import { $, at, button, h } from "./dom.js";
import { count } from "./format.js";

const PLAY_MS = 350;
const TINY = 160; // pixels: smaller pictures are shown large, their pixels as squares
const IMAGES = /\.(png|jpe?g|gif|webp|svg|avif)$/i;
const players = new Map(); // by series

export function showArtifacts(panel, trial, study) {
  panel.hidden = trial.artifacts.length === 0;
  const series = Map.groupBy(trial.artifacts, (artifact) => artifact.series);
  for (const [name, files] of series) {
    if (!players.has(name)) {
      players.set(name, new Player(name, (file) => at.file(study, trial.number, file)));
      $("#series").append(players.get(name).element);
    }
    players.get(name).update(files, trial.ended);
  }
}

class Player {
  constructor(name, address) {
    this.name = name;
    this.address = address;
    this.files = [];
    this.index = 0;
    this.image = h("img", {
      alt: "",
      onload: () => this.image.classList.toggle("tiny", this.image.naturalWidth <= TINY),
    });
    this.open = h("a", "open");
    this.frame = h("div.frame", this.image);
    this.range = h("input", {
      type: "range",
      min: "0",
      step: "1",
      "aria-label": `Step of ${name}`,
      oninput: () => this.go(this.range.valueAsNumber, true),
    });
    this.output = h("output");
    this.button = button("Play", () => this.play(!this.timer), { "aria-pressed": "false" });
    this.slider = h("div.slider", this.button, this.range, this.output);
    this.element = h(
      "figure",
      h("figcaption", h("span", name), this.open),
      this.frame,
      this.slider,
    );
  }

  /** Take a running trial's files; a slider at the last file moves on to the new last. */
  update(files, ended) {
    const key = `${files.length} ${files.at(-1).name} ${ended}`;
    if (key === this.key) return;
    this.key = key;
    const latest = this.index >= this.files.length - 1;
    this.files = files;
    this.range.max = String(files.length - 1);
    this.slider.hidden = files.length < 2;
    this.go(latest ? files.length - 1 : this.index);
  }

  go(index, byUser = false) {
    if (byUser) this.play(false);
    this.index = index;
    const file = this.files[index];
    const address = this.address(file.name);
    this.open.href = address;
    this.open.setAttribute("aria-label", `Open ${file.name}`);
    this.range.value = String(index);
    const step = file.step === null ? file.name : `step ${count(file.step)}`;
    this.range.setAttribute("aria-valuetext", step);
    this.output.textContent = step;
    if (IMAGES.test(file.name)) {
      this.image.alt = `${this.name}, ${step}`;
      if (this.image.getAttribute("src") !== address) this.image.src = address;
    } else this.frame.replaceChildren(h("a", { href: address }, file.name));
    // Preload the next image.
    const next = this.files[index + 1];
    if (next && IMAGES.test(next.name)) new Image().src = this.address(next.name);
  }

  play(yes) {
    clearInterval(this.timer);
    this.timer = yes ? setInterval(() => this.step(), PLAY_MS) : null;
    this.button.setAttribute("aria-pressed", String(yes));
    this.button.textContent = yes ? "Pause" : "Play";
    if (yes && this.index === this.files.length - 1) this.go(0);
  }

  step() {
    if (this.index + 1 < this.files.length) this.go(this.index + 1);
    else this.play(false);
  }
}

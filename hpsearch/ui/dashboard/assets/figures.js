// Plotly figures: Plotly is loaded when the first is in view; they are redrawn when their trials change.

import { $, h } from "./dom.js";
import { fetchJson } from "./polling.js";
import { isDark, onTheme } from "./page.js";

const GREY = "#808080"; // of the figures' notes, which suits any background
const EVERY_MS = 3000;
const TITLE_HEIGHT = 26; // pixels that a figure reserves for its title
const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';
const COLORS = {
  light: {
    text: "#3c4550",
    quiet: "#56606b",
    grid: "#e4e8ec",
    line: "#aab3bd",
    background: "#ffffff",
    border: "#c6cdd5",
  },
  dark: {
    text: "#b9c2cc",
    quiet: "#9aa5b1",
    grid: "#29323b",
    line: "#5b6774",
    background: "#1d242c",
    border: "#43505d",
  },
};

let loading = null;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", {
      src: "/assets/plotly.min.js",
      onload: () => resolve(window.Plotly),
      onerror: () => {
        loading = null;
        script.remove();
        reject(new TypeError("plotly.min.js could not be loaded"));
      },
    });
    document.head.append(script);
  });
  return loading;
}

function template() {
  const { text, grid, line, background, border } = COLORS[isDark() ? "dark" : "light"];
  const font = { family: FONT, size: 12, color: text };
  const axis = {
    gridcolor: grid,
    linecolor: line,
    zerolinecolor: grid,
    tickcolor: line,
    title: { font: { size: 12 } },
    automargin: true,
  };
  return {
    layout: {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font,
      colorway: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"],
      xaxis: axis,
      yaxis: axis,
      hoverlabel: {
        bgcolor: background,
        bordercolor: border,
        font,
        align: "left",
      },
      legend: { bgcolor: "rgba(0,0,0,0)" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: line, activecolor: text },
    },
  };
}

class Figure {
  constructor(section, url, clicked) {
    this.section = section;
    this.clicked = clicked;
    this.plot = $(".plot", section);
    this.url = url;
    this.visible = false;
    this.stale = true;
    this.busy = false;
  }

  /** Fetch the figure, and draw it if it has changed. */
  async refresh() {
    if (!this.visible || !this.stale || this.busy) return;
    this.busy = true;
    this.stale = false;
    try {
      if (await this.fetch()) await this.draw();
    } finally {
      this.busy = false;
    }
  }

  /** Whether the figure has changed. */
  async fetch() {
    try {
      const { body, tag } = await fetchJson(this.url(this.plot.clientWidth));
      await plotly();
      if (tag && tag === this.tag) return false;
      this.tag = tag;
      this.figure = body;
      return true;
    } catch (error) {
      this.stale = true; // the next refresh tries again
      if (!this.figure) this.showText(error.message);
      return false;
    }
  }

  showText(sentence) {
    if (!this.drawn) this.plot.replaceChildren(h("p.nothing", sentence));
  }

  async draw() {
    if (!this.figure.data.length) {
      if (this.drawn) (await plotly()).purge(this.plot);
      this.drawn = false;
      this.plot.style.minHeight = "";
      this.showText(
        this.figure.layout.annotations[0]?.text.replaceAll("<br>", " ") ?? "Nothing to draw yet.",
      );
      return;
    }
    const Plotly = await plotly();
    const first = !this.drawn;
    if (first) this.plot.replaceChildren();
    this.drawn = true;
    const { data, layout } = adapted(this.figure);
    this.plot.style.minHeight = `${layout.height}px`;
    await Plotly.react(
      this.plot,
      data,
      { ...layout, template: template(), autosize: true, uirevision: "constant" },
      {
        responsive: true,
        displaylogo: false,
        showTips: false,
        doubleClickDelay: 400,
        displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
        // Only these: one of Plotly's default buttons uploads the figure to its server.
        modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
        plotlyServerURL: "",
        toImageButtonOptions: { format: "svg", filename: this.section.dataset.figure },
      },
    );
    if (first) this.plot.on("plotly_click", ({ points }) => this.clicked(trialOf(points[0])));
  }
}

/** The number of the trial that a point of a figure is about, as its text says; null if none. */
function trialOf({ customdata, hovertext, data }) {
  if (Array.isArray(customdata) && Number.isInteger(customdata[0])) return customdata[0];
  const match = /^trial (\d+)/.exec(hovertext ?? data.name ?? "");
  return match ? Number(match[1]) : null;
}

/** Panels side by side. */
function columns(width) {
  return width < 440 ? 1 : width < 1000 ? 2 : 3;
}

/** A figure without its title, which the page's heading repeats, and with the theme's grey. */
function adapted({ data, layout: { title, ...layout } }) {
  const saved = title ? TITLE_HEIGHT : 0;
  const margin = { ...layout.margin, t: layout.margin.t - saved };
  const { quiet } = COLORS[isDark() ? "dark" : "light"];
  const annotations = layout.annotations.map((one) =>
    one.font?.color === GREY ? { ...one, font: { ...one.font, color: quiet } } : one,
  );
  return { data, layout: { ...layout, annotations, margin, height: layout.height - saved } };
}

/** The figures of a page; those in view are updated. */
export class Figures {
  /**
   * @param url(name, columns) a section's figure, with that many panels side by side.
   * @param opened(number) called with the trial that the user clicked.
   */
  constructor(url, opened = () => {}) {
    this.all = new Map(
      [...document.querySelectorAll("[data-figure]")].map((section) => [
        section,
        new Figure(
          section,
          (width) => url(section.dataset.figure, columns(width)),
          (trial) => trial !== null && opened(trial),
        ),
      ]),
    );
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const figure = this.all.get(entry.target);
          figure.visible = entry.isIntersecting;
          if (this.started) figure.refresh();
        }
      },
      { rootMargin: "200px" },
    );
    for (const section of this.all.keys()) observer.observe(section);
    onTheme(() => this.all.forEach((figure) => figure.drawn && figure.draw()));
    document.addEventListener("visibilitychange", () => this.started && this.refresh());
    matchMedia("(min-width: 500px)").addEventListener(
      "change",
      () => this.started && this.invalidate(),
    );
  }

  /** Mark all figures, or those with these names, as out of date; refreshes are rate limited. */
  invalidate(names = null) {
    this.all.forEach(
      (figure, section) => (figure.stale ||= !names || names.includes(section.dataset.figure)),
    );
    if (!this.started) {
      this.started = true;
      this.refresh();
      setInterval(() => document.hidden || this.refresh(), EVERY_MS);
    }
  }

  refresh() {
    this.all.forEach((figure) => figure.refresh());
  }
}

// Numbers, durations and names as text.

/** A value with four digits; an en dash for none. */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (value === 0 || Number.isInteger(value))
    return Math.abs(value) < 1e6 ? count(value) : value.toExponential(2);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6)
    return value
      .toExponential(digits - 2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

export function count(value) {
  return value.toLocaleString("en");
}

/** "3 trials", "1 trial". */
export function several(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Mean ± standard deviation. */
export function spread(metric) {
  if (!metric) return "–";
  if (metric.sd === null) return number(metric.mean);
  return `${number(metric.mean)} ± ${number(metric.sd, 2)}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.round(hours / 24)} days`;
}

const ROLES = { continue: "continuation", confirm: "confirmation" };

export function role(name) {
  return ROLES[name] ?? name;
}

const REASONS = {
  nonfinite: "the objective became NaN or infinite",
  collapsed: "the trainer reported a collapse",
  discriminator_saturated: "the discriminator saturated: the generator gets no gradient",
  timeout: "it exceeded its time limit",
  out_of_memory: "it exceeded the available memory",
  killed: "its process was killed",
  error: "the trainer raised an error",
};

export function reason(name) {
  return REASONS[name] ?? name;
}

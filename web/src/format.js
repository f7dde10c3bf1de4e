// Numbers for people: the same words as the commands print ("4.6 MB" is 4.6 × 10⁶ bytes).
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const whole = new Intl.NumberFormat("en-US");

/** 4559536 → "4.6 MB" */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let amount = Math.abs(value);
  let unit = 0;
  while (amount >= 999.95 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${value < 0 ? "−" : ""}${unit === 0 ? amount : amount.toFixed(1)}\u00a0${UNITS[unit]}`;
}

/** 148741 → "148,741" */
export function count(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? whole.format(value).replace("-", "−") : String(value);
}

/** 0.349 → "34.9 %" */
export function percent(part) {
  if (!Number.isFinite(part)) return "–";
  if (part > 0 && part < 0.001) return "< 0.1\u00a0%";
  return `${(part * 100).toFixed(1)}\u00a0%`;
}

/** "+4.6 MB", "−3", "0" */
export function signed(value, words) {
  return value > 0 ? `+${words(value)}` : words(value);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)}\u00a0${number === 1 ? one : many}`;
}

/** A size with its exact value on hover is said by the caller: "4,559,536 bytes". */
export function exact(value) {
  return value === null || value === undefined ? undefined : `${count(value)} bytes`;
}

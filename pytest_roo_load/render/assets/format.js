// Quantities as the report prints them: the same as format_quantity in core/units.py.
"use strict";

const SCALES = {
  time: [[1, " s"], [1e-3, " ms"], [1e-6, " µs"]],
  size: [[1e9, " GB"], [1e6, " MB"], [1e3, " KB"], [1, " B"]],
};

function threeDigits(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  return String(Number(value.toPrecision(3)));
}

function quantity(value, dimension) {
  if (value === null || value === undefined) return "–";
  if (dimension === "ratio") return `${threeDigits(value * 100)} %`;
  if (dimension === "rate") return `${threeDigits(value)}/s`;
  if (dimension === "count") return Number.isInteger(value) ? value.toLocaleString("en-US") : threeDigits(value);
  const scales = dimension === "time" && Math.abs(value) >= 600 ? [[60, " min"]] : SCALES[dimension];
  const [size, unit] = scales.find(([least]) => Math.abs(value) >= least * 0.9995) || scales[scales.length - 1];
  return `${threeDigits(value / size)}${unit}`;
}

// A moment of the load: "12.5 s", "3:05", "1:02:05".
function moment(seconds, end) {
  if (end <= 120) return `${Number(seconds.toFixed(2))}`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return end <= 3600 ? `${minutes + hours * 60}:${two(rest)}` : `${hours}:${two(minutes)}:${two(rest)}`;
}

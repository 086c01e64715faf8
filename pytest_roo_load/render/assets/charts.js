// Draws the charts over time again with uPlot: zoom, a cursor over all charts of a run, values at the cursor.
// The SVG stays in the page: it is what is printed, and what is seen without scripts.
"use strict";

const FIGURES = JSON.parse(document.getElementById("figures").textContent);
const DASHES = [[], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3]];
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
const runs = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// All charts of one run: they zoom together, also those that are drawn later.
class Run {
  constructor(charts, identity) {
    this.identity = identity;
    this.plots = [];
    this.zoom = null;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.disabled = true;
    this.button.textContent = "Show all of it";
    this.button.addEventListener("click", () => this.show(null));
    const tools = document.createElement("p");
    tools.className = "tools";
    const hint = (kind, text) => Object.assign(document.createElement("span"), { className: kind, textContent: text });
    tools.append(
      hint("mouse", "Drag across a chart to zoom in; with the keyboard: arrow keys, + and −, Escape."),
      hint("touch", "Tap a chart to read its values."),
      this.button,
    );
    charts.prepend(tools);
  }

  show(zoom) {
    this.zoom = zoom;
    this.button.disabled = zoom === null;
    for (const plot of this.plots) plot.follow(zoom);
  }
}

class Plot {
  constructor(figure, data, run) {
    this.figure = figure;
    this.data = data;
    this.lines = [...data.lines].reverse(); // the first lies on top: medians above the peaks that surround them
    this.run = run;
    this.readings = [...figure.querySelectorAll(".reading")];
    this.spans = this.readings.map((reading) => reading.textContent);
    this.svg = figure.querySelector("svg.chart");
    this.cells = data.kind === "heat" ? this.cellsOfTheSvg() : [];
    this.box = this.makeBox();
    this.plot = new uPlot(this.options(), this.series(), this.box);
    figure.classList.add("live");
    for (const reading of this.readings) {
      const line = reading.closest("li");
      if (line) line.style.minWidth = `${line.offsetWidth}px`;
    }
    run.plots.push(this);
    if (run.zoom) this.follow(run.zoom);
    new ResizeObserver(() => this.resize()).observe(this.figure);
  }

  makeBox() {
    const box = document.createElement("div");
    box.className = "plot";
    box.tabIndex = 0;
    box.setAttribute("role", "slider");
    box.setAttribute("aria-label", `${this.data.title}: values at a moment`);
    box.setAttribute("aria-valuemin", "0");
    box.setAttribute("aria-valuemax", String(this.data.end));
    box.setAttribute("aria-valuenow", "0");
    box.setAttribute("aria-valuetext", this.svg.querySelector("desc").textContent);
    box.addEventListener("keydown", (event) => this.key(event));
    this.when = document.createElement("span");
    this.when.className = "when";
    box.append(this.when);
    this.svg.after(box);
    return box;
  }

  size() {
    const width = Math.max(this.figure.clientWidth, 200);
    return { width, height: Math.round(Math.min(Math.max(width * 0.47, 180), 260)) };
  }

  resize() {
    const { width, height } = this.size();
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
  }

  series() {
    if (this.data.kind !== "heat") return [this.data.x, ...this.lines.map((line) => line.y)];
    const { width } = this.data.heat;
    const middles = [];
    for (let start = 0; start < this.data.end; start += width) middles.push(start + width / 2);
    return [middles, middles.map(() => null)];
  }

  options() {
    const { axis, end } = this.data;
    const dense = this.data.x.length > 300;
    const few = this.data.x.length <= 30;
    return {
      ...this.size(),
      padding: [20, end > 3600 ? 26 : 12, 0, 0],
      legend: { show: false },
      focus: { alpha: 1 },
      cursor: {
        y: this.data.kind === "heat",
        drag: { x: true, y: false, setScale: false },
        sync: {
          key: this.run.identity,
          scales: ["x", null],
          setSeries: false,
          filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
        },
        bind: { dblclick: () => () => this.run.show(null) },
        points: { size: 7 },
      },
      scales: {
        x: { time: false, range: (_, low, high) => (this.run.zoom ? this.run.zoom : [0, end]) },
        y: { distr: axis.log ? 3 : 1, range: () => [axis.low, axis.high] },
      },
      axes: [this.horizontal(), this.vertical()],
      series: [{}, ...(this.data.kind === "heat" ? [{ paths: () => null, points: { show: false } }] : this.lines.map((line) => ({
        label: line.name,
        stroke: () => colour(`s${line.style}`),
        width: dense ? 1 : 1.6,
        dash: dense ? [] : DASHES[line.style],
        points: { show: few, size: 4.5, fill: () => colour(`s${line.style}`), width: 0 },
        spanGaps: false,
      })))],
      hooks: {
        drawClear: [() => this.drawBands()],
        draw: [() => this.drawCells(), () => this.drawLimits()],
        setCursor: [() => this.read()],
        setSelect: [() => this.select()],
      },
    };
  }

  horizontal() {
    return {
      stroke: () => colour("quiet"),
      font: FONT,
      labelFont: FONT,
      label: `${this.data.end <= 120 ? "seconds" : this.data.end <= 3600 ? "minutes:seconds" : "hours:minutes:seconds"} since the start of the load`,
      labelSize: 18,
      size: 28,
      gap: 3,
      incrs: STEPS,
      space: this.data.end > 3600 ? 70 : 48,
      grid: { show: false },
      ticks: { stroke: () => colour("quiet"), width: 1, size: 4 },
      values: (_, splits) => splits.map((split) => moment(split, this.data.end)),
    };
  }

  vertical() {
    const ticks = this.data.axis.ticks;
    return {
      stroke: () => colour("quiet"),
      font: FONT,
      size: 58,
      gap: 3,
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { show: false },
      splits: () => ticks.map(([value]) => value),
      values: () => ticks.map(([, label]) => label),
      filter: (_, splits) => splits,
    };
  }

  // The part of the canvas that is the plot, as [context, left, top, width, height, pixels per unit].
  area() {
    const { left, top, width, height } = this.plot.bbox;
    return [this.plot.ctx, left, top, width, height, uPlot.pxRatio];
  }

  drawBands() {
    const [ctx, left, top, width, height, ratio] = this.area();
    ctx.save();
    ctx.font = FONT.replace("11px", `${11 * ratio}px`);
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    let free = left;
    for (const [name, start, end, shaded, broken] of this.data.bands) {
      const from = Math.max(this.plot.valToPos(start, "x", true), left);
      const to = Math.min(this.plot.valToPos(end, "x", true), left + width);
      if (to <= from) continue;
      ctx.fillStyle = colour(broken ? "broken" : "band");
      if (shaded) ctx.fillRect(from, top, Math.max(to - from, ratio), height);
      ctx.fillStyle = colour("quiet");
      if (from > left) ctx.fillRect(from, top - 12 * ratio, 1, height + 12 * ratio);
      const wide = ctx.measureText(name).width;
      const place = wide <= to - from ? (from + to - wide) / 2 : from + 3 * ratio;
      if (place >= free && place + wide <= left + width + 12 * ratio) {
        ctx.fillText(name, place, top - 4 * ratio);
        free = place + wide + 6 * ratio;
      }
    }
    ctx.restore();
  }

  drawLimits() {
    const [ctx, left, top, width, , ratio] = this.area();
    ctx.save();
    ctx.font = FONT.replace("11px", `${11 * ratio}px`);
    ctx.strokeStyle = ctx.fillStyle = colour("limit");
    ctx.textAlign = "left";
    for (const [value, label] of this.data.limits) {
      const y = this.plot.valToPos(value, "y", true);
      ctx.lineWidth = 1.2 * ratio;
      ctx.setLineDash([7 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      const below = y - 18 * ratio < top;
      ctx.save();
      ctx.strokeStyle = colour("paper");
      ctx.lineWidth = 3 * ratio;
      ctx.textBaseline = below ? "top" : "bottom";
      const place = y + (below ? 3 : -3) * ratio;
      ctx.strokeText(`limit: ${label}`, left + 4 * ratio, place, width);
      ctx.restore();
      ctx.textBaseline = below ? "top" : "bottom";
      ctx.fillText(`limit: ${label}`, left + 4 * ratio, place, width);
    }
    ctx.restore();
  }

  // The SVG has the cells of each level as strokes in units of columns and rows: "M12 5.5h3" is row 5, columns 12 to 14.
  cellsOfTheSvg() {
    return [...this.svg.querySelectorAll("path.heat")].map((path) => {
      const level = Number(/\bh(\d)\b/.exec(path.getAttribute("class"))[1]);
      const strokes = [...path.getAttribute("d").matchAll(/M(\d+) (\d+)\.5h(\d+)/g)];
      return { level, strokes: strokes.map(([, column, row, length]) => [Number(column), Number(row), Number(length)]) };
    });
  }

  drawCells() {
    if (this.data.kind !== "heat") return;
    const [ctx, left, top, width, height] = this.area();
    const { width: seconds, low, ratio } = this.data.heat;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const { level, strokes } of this.cells) {
      ctx.fillStyle = colour(`h${level}`);
      for (const [column, row, length] of strokes) {
        const x = this.plot.valToPos(column * seconds, "x", true);
        const right = this.plot.valToPos((column + length) * seconds, "x", true);
        const y = this.plot.valToPos(low * ratio ** row, "y", true);
        const above = this.plot.valToPos(low * ratio ** (row + 1), "y", true);
        ctx.fillRect(Math.floor(x), Math.floor(above), Math.ceil(right) - Math.floor(x), Math.ceil(y) - Math.floor(above));
      }
    }
    ctx.restore();
  }

  select() {
    const { left, width } = this.plot.select;
    if (width <= 2) return;
    const [low, high] = [this.plot.posToVal(left, "x"), this.plot.posToVal(left + width, "x")];
    this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoomTo(low, high);
  }

  zoomTo(low, high) {
    const least = Math.min(2, this.data.end);
    const middle = (low + high) / 2;
    const half = Math.max(high - low, least) / 2;
    const from = Math.max(0, Math.min(middle - half, this.data.end - 2 * half));
    const to = Math.min(this.data.end, from + 2 * half);
    this.run.show(from <= 0 && to >= this.data.end ? null : [from, to]);
  }

  follow(zoom) {
    const [min, max] = zoom || [0, this.data.end];
    this.plot.setScale("x", { min, max });
  }

  // What the cursor is at, in the legend and for screen readers.
  read() {
    const { idx, left } = this.plot.cursor;
    const times = this.plot.data[0];
    const away = idx === null || idx === undefined || left < 0;
    this.when.textContent = away ? "" : this.whenAt(times[idx]);
    const texts = away ? this.spans : this.data.kind === "heat" ? [this.cellAt()] : this.valuesAt(idx);
    this.readings.forEach((reading, number) => {
      reading.textContent = texts[number];
    });
    if (away) return;
    const named = this.data.lines.map((line, number) => `${line.name} ${texts[number]}`);
    this.box.setAttribute("aria-valuenow", String(times[idx]));
    this.box.setAttribute("aria-valuetext", `${this.when.textContent}: ${named.join(", ") || texts[0]}`);
  }

  whenAt(time) {
    const unit = this.data.end <= 120 ? " s" : "";
    const around = this.data.seconds ? ` (one of ${Math.round(this.data.seconds)} s)` : "";
    return `at ${moment(time, this.data.end)}${unit}${around}`;
  }

  valuesAt(idx) {
    return this.data.lines.map((line) => quantity(line.y[idx], this.data.dimension));
  }

  cellAt() {
    const { width, low, ratio, levels } = this.data.heat;
    const { left, top } = this.plot.cursor;
    const column = Math.floor(this.plot.posToVal(left, "x") / width);
    const row = Math.floor(Math.log(this.plot.posToVal(top, "y") / low) / Math.log(ratio));
    if (row < 0 || top < 0) return "";
    const band = `${quantity(low * ratio ** row, "time")} to ${quantity(low * ratio ** (row + 1), "time")}`;
    const hit = this.cells.find(({ strokes }) => strokes.some(([first, at, length]) => at === row && first <= column && column < first + length));
    return `${band}: ${hit ? `up to ${levels[hit.level]}` : "none"}`;
  }

  key(event) {
    const times = this.plot.data[0];
    const { min, max } = this.plot.scales.x;
    const at = this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null;
    const middle = at === null || at === undefined ? (min + max) / 2 : times[at];
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 };
    if (event.key in moves) this.moveTo(at === null || at === undefined ? this.firstIn(min) : at + moves[event.key]);
    else if (event.key === "Home") this.moveTo(0);
    else if (event.key === "End") this.moveTo(times.length - 1);
    else if (event.key === "+" || event.key === "=") this.zoomTo(middle - (max - min) / 4, middle + (max - min) / 4);
    else if (event.key === "-") this.zoomTo(middle - (max - min), middle + (max - min));
    else if (event.key === "Escape") this.run.show(null);
    else return;
    event.preventDefault();
  }

  firstIn(min) {
    return Math.max(this.plot.data[0].findIndex((time) => time >= min), 0);
  }

  moveTo(index) {
    const times = this.plot.data[0];
    const time = times[Math.min(Math.max(index, 0), times.length - 1)];
    const { min, max } = this.plot.scales.x;
    if (time < min || time > max) this.zoomTo(time - (max - min) / 2, time + (max - min) / 2);
    this.plot.setCursor({ left: this.plot.valToPos(time, "x"), top: this.plot.over.clientHeight / 2 }, true, true);
  }
}

// Charts are drawn when they come near the window, so that a report of a hundred tests opens at once.
function drawWhenNear() {
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      const charts = target.closest("[data-run]");
      if (!runs.has(charts.dataset.run)) runs.set(charts.dataset.run, new Run(charts, charts.dataset.run));
      new Plot(target, FIGURES[target.dataset.chart], runs.get(charts.dataset.run));
    }
  }, { rootMargin: "400px" });
  for (const figure of document.querySelectorAll("[data-run] figure")) {
    if (FIGURES[figure.dataset.chart]) observer.observe(figure);
  }
}

drawWhenNear();
for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
  matchMedia(query).addEventListener("change", () => {
    for (const run of runs.values()) for (const { plot } of run.plots) plot.redraw(false);
  });
}

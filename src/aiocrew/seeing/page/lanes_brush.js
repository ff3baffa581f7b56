// What drawing needs: the canvas, its colours and hatches, where a time lies on it, and how often it was drawn on.

const AXIS_PX = 22;
const FLIGHT_PX = 58;
const MARKS_PX = 18;
const MAP_PX = 56;
const LEAST_GUTTER_PX = 48;
const ENDING_NUMBER = /\d{1,6}$/;
const NARROW_GUTTER_PX = 120;
const TINY_PX = 2;
const LABEL_PX = 13;
const TIGHT_PX = 11; // enough where every lane has its label
const FONT = '11px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Ubuntu, Cantarell, "Helvetica Neue", Arial, sans-serif';
const COLOURS = ["paper", "raised", "line", "faint", "ink", "soft", "accent", "on-bar", "model", "stream", "tool",
  "delegation", "guardrail", "callback", "human", "wait", "wait-line", "wait-paper", "delay", "delay-line", "failed", "failed-paper", "cancelled",
  "span", "span-text", "blocked", "blocked-band", "held", "mark", "flight", "flight-paper", "hit", "stripe"];

class Brush {
  constructor(canvas, view) {
    this.canvas = canvas;
    this.view = view; // { model, layout, flight, t0, t1, top, now, selected, hovered, search, report, pointer }
    this.context = canvas.getContext("2d", { alpha: false });
    this.map = document.createElement("canvas");
    this.mapStamp = "";
    this.drawn = { bars: 0, merged: 0, calls: 0, rows: 0 };
    this.colour = {};
    this.taken = []; // where the last number of each culprit stands
    this.wished = NaN; // the width of the names, as the reader chose
    this.resize();
    this.retheme();
  }

  // The size of the canvas follows the size of its element. Tells whether it changed.
  resize() {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    const changed = this.canvas.width !== width || this.canvas.height !== height;
    if (changed) Object.assign(this.canvas, { width, height });
    this.ratio = ratio;
    this.width = clientWidth;
    this.height = clientHeight;
    this.gutter = this.gutterFor(clientWidth);
    this.top = AXIS_PX + FLIGHT_PX + (this.view.report?.culprits.length ? MARKS_PX : 0);
    return changed;
  }

  gutterFor(width) {
    if (this.wished) return Math.round(Math.max(LEAST_GUTTER_PX, Math.min(this.wished, width * 0.7)));
    return width < 560 ? 104 : width < 900 ? 150 : 216;
  }

  retheme() {
    const style = getComputedStyle(document.documentElement);
    for (const name of COLOURS) this.colour[name] = style.getPropertyValue(`--${name}`).trim();
    const { colour } = this;
    this.hatch = {
      wait: this.hatched(colour["wait-line"], colour["wait-paper"]),
      delay: this.hatched(colour["delay-line"], colour.paper),
      held: this.hatched(colour["wait-line"], colour["wait-paper"]),
    };
    this.mapStamp = "";
  }

  hatched(ink, paper) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.fillStyle = paper;
    context.fillRect(0, 0, 8, 8);
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    for (const shift of [-8, 0, 8]) {
      context.beginPath();
      context.moveTo(shift - 1, 9);
      context.lineTo(shift + 9, -1);
      context.stroke();
    }
    return this.context.createPattern(tile, "repeat");
  }

  // Geometry

  get hasMap() { return this.view.layout.height > this.height - this.top + 1 && this.width > 480; }
  get right() { return this.width - (this.hasMap ? MAP_PX : 0); }
  get scale() { return (this.right - this.gutter) / (this.view.t1 - this.view.t0); }
  x(time) { return this.gutter + (time - this.view.t0) * this.scale; }
  time(x) { return this.view.t0 + (x - this.gutter) / this.scale; }
  endOf(bar) { return bar.to < Infinity ? bar.to : this.view.now; }

  // On whole pixels: edges are sharp, and a browser without a graphics card draws them several times as fast.
  rect(fill, x, y, width, height) {
    const left = Math.round(x);
    const top = Math.round(y);
    this.context.fillStyle = fill;
    this.context.fillRect(left, top, Math.max(1, Math.round(x + width) - left), Math.max(1, Math.round(y + height) - top));
    this.drawn.calls += 1;
  }

  clip(x, y, width, height) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
  }

  // Write `text` into `room` pixels and tell how many it took.
  textCut(text, x, y, room, ink) {
    const { context } = this;
    const width = context.measureText(text).width;
    const shown = width <= room ? text : this.fitted(text, width, room);
    context.fillStyle = ink;
    this.drawn.calls += 1;
    if (shown) context.fillText(shown, x, y);
    return Math.min(width, room);
  }

  // As much of a text of `width` pixels as has room; letters differ in width, so what was guessed is measured. A number
  // at its end is kept, since it is often all in which many differ.
  fitted(text, width, room) {
    let fits = Math.floor(((room - 8) / width) * text.length);
    const number = ENDING_NUMBER.exec(text)?.[0] ?? "";
    for (let tries = 0; fits > 1 && tries < 4; tries += 1) {
      const tail = fits > number.length + 2 ? number : "";
      const shown = `${cut(text, fits - tail.length)}…${tail}`;
      const took = this.context.measureText(shown).width;
      if (took <= room) return shown;
      fits = Math.min(fits - 1, Math.floor((fits * room) / took));
    }
    return "";
  }
}

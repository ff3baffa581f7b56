// Texts and figures as people read them, and the embedded events as objects again.

// Controls, marks that turn the direction of writing, letters that nobody sees but a model, and halves of surrogate pairs: shown by number, never obeyed.
const UNSAFE = /(?![\n\t])\p{Cc}|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;
const COUNT = new Intl.NumberFormat("en");

function plain(text) {
  return String(text).replace(/\r\n/g, "\n").replace(UNSAFE, (mark) =>
    `\u27e8${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

function oneLine(text, most = 160) {
  const given = String(text);
  const line = plain(cut(given, most)).replace(/\s+/g, " ").trim();
  return given.length > most ? `${line}…` : line;
}

// The first `most` characters, or a few less: neither half a pair, nor a letter without its accents, nor a part of an
// emoji that is joined out of several.
const GOES_ON = /^(?:[\udc00-\udfff\u200d]|\p{M}|\p{Emoji_Modifier})/u;
const MOST_JOINED = 16;

function cut(text, most) {
  let end = most;
  const isInside = () => GOES_ON.test(text.slice(end, end + 2)) || text[end - 1] === "\u200d";
  while (end > 0 && end > most - MOST_JOINED && isInside()) end -= 1;
  return text.slice(0, end);
}

function duration(seconds) {
  const size = Math.abs(seconds);
  if (!(size < Infinity)) return "–";
  if (size === 0) return "0 s";
  if (size < 0.0009995) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (size < 0.9995) return `${trimmed(seconds * 1e3)} ms`;
  if (size < 59.95) return `${trimmed(seconds)} s`;
  const whole = Math.round(size);
  const [hours, minutes, left] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${left} s`;
}

function trimmed(number) {
  const digits = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return number.toFixed(digits);
}

function count(number) {
  return COUNT.format(number);
}

function counted(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

// The distance between two marks of the time axis: 1, 2 or 5 times a power of ten below a minute, then clock steps.
const CLOCK_STEPS = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200, 86400];

function tickStep(least) {
  if (least > 30) return CLOCK_STEPS.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least * 0.999999) * power;
  return step > 10 ? 30 : step;
}

function tickText(seconds, step) {
  if (step >= 60) {
    const minutes = Math.round(seconds / 60);
    return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
  }
  if (step >= 1) return `${Math.round(seconds)} s`;
  if (step >= 0.0009999) {
    if (seconds >= 1 - step / 1000) return `${seconds.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-6)))} s`;
    return `${Math.round(seconds * 1e3)} ms`;
  }
  return `${(seconds * 1e3).toFixed(Math.max(0, Math.ceil(-Math.log10(step * 1e3) - 1e-6)))} ms`;
}

// The object or list that a JSON text stands for; null for any other text.
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

// JSON with line breaks where the text is JSON, else the text.
function pretty(text) {
  const value = typeof text === "string" ? parsed(text) : text;
  return value === null && typeof text === "string" ? text : JSON.stringify(value, null, 2);
}

// The counterpart of packing.py: rows of numbers become the events that a stream would send.
function* unpack({ texts, messages, shapes, events }) {
  const calls = (pairs) => pairs.map(([name, given]) => ({ name: texts[name], arguments: texts[given] }));
  const told = messages.map(([type, text, name, asked]) =>
    ({ type, text: texts[text], name: name < 0 ? "" : texts[name], calls: calls(asked) }));
  const objects = new Map();
  const object = (number) => {
    if (!objects.has(number)) objects.set(number, parsed(texts[number]));
    return objects.get(number);
  };
  const readers = {
    o: object,
    s: (cell) => texts[cell],
    j: (cell) => cell,
    t: (cell) => cell.map((number) => texts[number]),
    c: calls,
    d: (cell) => Object.fromEntries(cell.map(([name, value]) => [texts[name], texts[value]])),
    r: ([asked, ...tools]) => ({ messages: asked.map((n) => told[n]), tools: tools.map((n) => texts[n]) }),
  };
  const known = shapes.map(([type, names, letters]) =>
    ({ type, names: names.split(" "), readers: [...letters].map((letter) => readers[letter]) }));
  for (const row of events) {
    const shape = known[row[0]];
    const event = { type: shape.type };
    for (let at = 0; at < shape.names.length; at += 1) event[shape.names[at]] = shape.readers[at](row[at + 1]);
    yield event;
  }
}

// The loss curve of a run as SVG, with a mark for each checkpoint.

const WIDTH = 340;
const HEIGHT = 210;
const LEFT = 34;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 34;

/** Return a drawing of the losses in which the checkpoints can be chosen. */
export function drawCurve({ train, valid, checkpoints }, chosen, choose) {
  const points = [...train, ...valid];
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "Loss curve" });
  const lastStep = Math.max(1, ...points.map(([step]) => step), ...checkpoints);
  const losses = points.map(([, loss]) => loss);
  const [low, high] = losses.length ? [Math.min(...losses), Math.max(...losses)] : [0, 1];
  const ticks = niceTicks(low, high);
  const [bottom, top] = [Math.min(low, ticks[0]), Math.max(high, ticks.at(-1))];
  const x = (step) => LEFT + (step / lastStep) * (WIDTH - LEFT - RIGHT);
  const y = (loss) => TOP + ((top - loss) / (top - bottom || 1)) * (HEIGHT - TOP - BOTTOM);

  for (const tick of ticks) {
    picture.append(line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid"), label(LEFT - 5, y(tick) + 3.5, tick, "end"));
  }
  for (const tick of niceTicks(0, lastStep).filter((step) => step <= lastStep)) {
    picture.append(label(x(tick), HEIGHT - BOTTOM + 15, short(tick), "middle"));
  }
  picture.append(label(WIDTH - RIGHT, HEIGHT - 4, "step", "end"), label(LEFT, HEIGHT - 4, "loss: training ", "start"));
  picture.append(line(LEFT + 76, HEIGHT - 7.5, LEFT + 94, HEIGHT - 7.5, "train"));
  picture.append(label(LEFT + 104, HEIGHT - 4, "validation", "start"));
  picture.append(line(LEFT + 160, HEIGHT - 7.5, LEFT + 178, HEIGHT - 7.5, "valid"));

  for (const [name, series] of Object.entries({ train, valid })) {
    const path = series.map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    picture.append(svg("polyline", { points: path, class: name }));
  }
  for (const [step, loss] of valid) picture.append(svg("circle", { cx: x(step), cy: y(loss), r: 1.8, class: "valid-point" }));
  const known = train.length ? train : valid;
  for (const step of checkpoints) {
    const height = known.length ? y(interpolate(known, step)) : HEIGHT - BOTTOM;
    if (step === chosen) picture.append(line(x(step), TOP, x(step), HEIGHT - BOTTOM, "chosen"));
    picture.append(mark(step, x(step), height, step === chosen, choose));
  }
  return picture;
}

function mark(step, x, y, isChosen, choose) {
  const group = svg("g", { class: `checkpoint${isChosen ? " chosen" : ""}`, role: "button", tabindex: 0 });
  group.setAttribute("aria-label", `Checkpoint of step ${step}`);
  group.setAttribute("aria-pressed", String(isChosen));
  group.dataset.step = step;
  group.append(svg("circle", { cx: x, cy: y, r: 11, class: "target" })); // large enough for a finger
  group.append(svg("circle", { cx: x, cy: y, r: isChosen ? 5.5 : 4, class: "dot" }), title(`step ${step}`));
  group.addEventListener("click", () => choose(step));
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(step);
  });
  return group;
}

/** Return the loss at a step, from the points around it. */
function interpolate(points, step) {
  const after = points.findIndex(([s]) => s >= step);
  if (after < 0) return points.at(-1)[1];
  if (after === 0) return points[0][1];
  const [[s0, l0], [s1, l1]] = [points[after - 1], points[after]];
  return s1 === s0 ? l1 : l0 + ((l1 - l0) * (step - s0)) / (s1 - s0);
}

/** Return three to six round numbers that cover a range. */
function niceTicks(low, high) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step); i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

const short = (number) => (number >= 10000 ? `${number / 1000}k` : String(number));

const line = (x1, y1, x2, y2, name) => svg("line", { x1, y1, x2, y2, class: name });

function label(x, y, text, anchor) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function title(text) {
  const made = svg("title", {});
  made.textContent = text;
  return made;
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

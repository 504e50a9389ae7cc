// The page: which model, which settings, and the texts side by side.

import { streamText } from "./completions.js";
import { drawCurve } from "./curve.js";
import { appendToken, bits, showDetailsOf } from "./tokens.js";

const find = (id) => document.getElementById(id);
const settings = {}; // the inputs of the sliders, by the name of their field in a request
let running = null; // the AbortController of the texts that are being generated
let curve = null; // the losses of the chosen run

for (const place of document.querySelectorAll(".slider")) makeSlider(place);
find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
find("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) generate();
});
find("stop").addEventListener("click", () => running?.abort());
find("next-seed").addEventListener("click", () => (find("seed").value = Number(find("seed").value) + 1));
find("run").addEventListener("change", showRun);
find("checkpoint").addEventListener("change", showCurve);
for (const name of ["borders", "surprise"]) {
  const apply = () => document.body.classList.toggle(name, find(name).checked);
  find(name).addEventListener("change", apply);
  apply();
}
showDetailsOf(find("texts"), find("details"));
if (matchMedia("(max-width: 760px)").matches) find("settings").open = false;
await showRuns();

function makeSlider(place) {
  const { name, label, min, max, step, value, zero } = place.dataset;
  const input = Object.assign(document.createElement("input"), { type: "range", id: name, min, max, step, value });
  const output = document.createElement("output");
  output.htmlFor = name;
  const caption = Object.assign(document.createElement("label"), { htmlFor: name, textContent: label });
  const show = () => (output.value = zero && Number(input.value) === 0 ? zero : input.value);
  input.addEventListener("input", show);
  show();
  place.append(caption, output, input);
  settings[name] = input;
}

async function read(address) {
  const response = await fetch(address);
  const content = await response.json();
  if (!response.ok) throw new Error(content.error.message);
  return content;
}

async function showRuns() {
  try {
    const runs = await read("/api/runs");
    find("run").replaceChildren(...runs.map(({ name }) => new Option(name, name)));
    await showRun();
  } catch (error) {
    say(error.message, true);
  }
}

async function showRun() {
  try {
    curve = await read(`/api/run?name=${encodeURIComponent(find("run").value)}`);
  } catch (error) {
    return say(error.message, true);
  }
  const steps = curve.checkpoints.toReversed();
  find("checkpoint").replaceChildren(...steps.map((step) => new Option(`step ${step}`, step)));
  const { layers, width, context, vocabulary } = curve.model;
  find("model").textContent = `${layers} layers · width ${width} · context ${context} · vocabulary ${vocabulary}`;
  showCurve();
  say("");
}

function showCurve() {
  const picture = drawCurve(curve, chosenStep(), (step) => {
    find("checkpoint").value = step;
    showCurve();
    find("curve").querySelector(".checkpoint.chosen").focus();
  });
  find("curve").replaceChildren(picture);
}

function chosenStep() {
  return Number(find("checkpoint").value);
}

/** Return what differs between the columns: the checkpoint and the seed of each. */
function columns() {
  const seed = Number(find("seed").value);
  const count = Number(settings.columns.value);
  const steps = curve.checkpoints.filter((step) => step <= chosenStep());
  if (document.querySelector("[name=compare]:checked").value === "seeds" || count === 1) {
    return Array.from({ length: count }, (_, i) => ({ step: chosenStep(), seed: seed + i, title: `seed ${seed + i}` }));
  }
  const last = Math.min(count, steps.length) - 1;
  const spread = Array.from({ length: last + 1 }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (last || 1))]);
  return (last ? spread : [chosenStep()]).map((step) => ({ step, seed, title: `step ${step}` }));
}

async function generate() {
  if (!find("seed").reportValidity() || !curve) return;
  running?.abort();
  const controller = new AbortController();
  running = controller;
  find("stop").disabled = false;
  find("texts").setAttribute("aria-busy", "true");
  say("generating…");
  const asked = columns();
  const places = asked.map(({ title }) => makeColumn(title, asked.length > 1));
  find("texts").replaceChildren(...places.map(({ article }) => article));
  await Promise.all(asked.map((column, i) => fill(places[i], requestFor(column), controller.signal)));
  if (running !== controller) return; // another one has been started meanwhile
  running = null;
  find("stop").disabled = true;
  find("texts").removeAttribute("aria-busy");
  say(controller.signal.aborted ? "stopped" : "");
}

function requestFor({ step, seed }) {
  const request = { model: `${find("run").value}@${step}`, prompt: find("prompt").value, seed };
  for (const [name, input] of Object.entries(settings)) if (name !== "columns") request[name] = Number(input.value);
  return request;
}

function makeColumn(title, titled) {
  const article = document.createElement("article");
  const heading = Object.assign(document.createElement("h2"), { textContent: title, hidden: !titled });
  const text = Object.assign(document.createElement("div"), { className: "text" });
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", `Text, ${title}: arrow keys move from token to token`);
  const summary = Object.assign(document.createElement("p"), { className: "summary" });
  article.append(heading, text, summary);
  return { article, text, summary };
}

async function fill({ text, summary }, request, signal) {
  let [count, sum, began, ended] = [0, 0, null, "stopped"];
  const describe = () => {
    const seconds = (performance.now() - began) / 1000;
    const speed = count > 1 && seconds > 0 ? ` · ${((count - 1) / seconds).toFixed(0)} tokens/s` : "";
    const mean = count ? ` · ${(sum / count).toFixed(2)} bits per token` : "";
    summary.textContent = `${count} tokens${mean}${speed}${ended ? ` · ${ended}` : ""}`;
  };
  try {
    for await (const token of streamText(request, signal)) {
      if (token.reason) {
        ended = { stop: "the document ends here", length: "length reached" }[token.reason];
        continue;
      }
      appendToken(text, token);
      if (token.prompt) continue;
      began ??= performance.now();
      count += 1;
      sum += bits(token.logprob ?? 0);
      if (count % 8 === 0) describe();
    }
  } catch (error) {
    if (error.name !== "AbortError") {
      ended = error.message;
      summary.classList.add("error");
    }
  }
  describe();
  summary.parentElement.dataset.ended = ended;
}

function say(message, isError = false) {
  find("status").textContent = message;
  find("status").classList.toggle("error", isError);
}

// Tokens on the page, and the panel that shows what else the model considered.

const MOST_BITS = 10; // the end of the colour scale
const BORDERS = 5; // colours of borders, used in turn

/** Return the surprise of a log-probability, in bits. */
export const bits = (logprob) => -logprob / Math.LN2;

/** Append a token to a text. What a model writes is never read as HTML. */
export function appendToken(container, token) {
  const span = document.createElement("span");
  const index = container.querySelectorAll(".token").length;
  const first = container.textContent === "" && !token.prompt;
  span.className = `token border-${index % BORDERS}${token.prompt ? " prompt" : ""}`;
  span.textContent = first ? token.text.replace(/^\s+/, "") : token.text; // a document begins with a line end
  span.tabIndex = index === 0 ? 0 : -1; // one stop of the tab key for a text: arrow keys move inside
  if (token.text === "") span.dataset.mark = "▯"; // ends inside a character
  else if (token.text.includes("\n")) span.dataset.mark = "⏎";
  if (token.logprob !== null) span.style.setProperty("--bits", Math.min(1, bits(token.logprob) / MOST_BITS).toFixed(3));
  span.token = token;
  wordFor(span, container).append(span);
}

/** Return what a token is appended to: lines break between words, so that a blank stays with the token it belongs to. */
function wordFor(span, container) {
  if (span.textContent.includes("\n")) return container;
  const last = container.lastElementChild;
  if (last?.className === "word" && !/^\s/.test(span.textContent)) return last;
  const word = element("span", "");
  word.className = "word";
  container.append(word);
  return word;
}

/** Let pointing at a token, or moving to it with the keyboard, show the panel. */
export function showDetailsOf(texts, panel) {
  const show = (event) => {
    const span = event.target.closest?.(".token");
    if (span) open(span, panel);
  };
  const hide = () => close(panel);
  texts.addEventListener("pointerover", show);
  texts.addEventListener("focusin", show);
  texts.addEventListener("pointerleave", hide);
  texts.addEventListener("focusout", hide);
  texts.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const spans = [...event.target.closest(".text").querySelectorAll(".token")];
    const span = spans[spans.indexOf(event.target) + step];
    if (!span) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    span.tabIndex = 0;
    span.focus();
  });
  window.addEventListener("scroll", hide, { passive: true });
}

function open(span, panel) {
  close(panel);
  panel.replaceChildren(...describe(span.token));
  panel.hidden = false;
  span.classList.add("shown");
  span.setAttribute("aria-describedby", panel.id);
  place(panel, span.getClientRects()[0] ?? span.getBoundingClientRect());
}

function close(panel) {
  panel.hidden = true;
  const span = document.querySelector(".token.shown");
  span?.classList.remove("shown");
  span?.removeAttribute("aria-describedby");
}

/** Put the panel below a token, or above it where there is no room below. */
function place(panel, token) {
  const { width, height } = panel.getBoundingClientRect();
  const right = document.documentElement.clientWidth - width - 8;
  const below = token.bottom + 6;
  const fits = below + height < document.documentElement.clientHeight;
  panel.style.left = `${Math.max(8, Math.min(token.left, right))}px`;
  panel.style.top = `${fits ? below : Math.max(8, token.top - height - 6)}px`;
}

function describe(token) {
  const head = element("p", "", element("strong", visible(token.name)));
  if (token.logprob === null) {
    head.append(" the first token: nothing before it to predict it from");
    return [head];
  }
  head.append(` ${percent(token.logprob)} · ${bits(token.logprob).toFixed(2)} bits of surprise`);
  const rows = [...token.alternatives];
  if (!rows.some(([name]) => name === token.name)) rows.push([token.name, token.logprob]);
  const table = element("table", "", ...rows.map(([name, logprob]) => row(name, logprob, name === token.name)));
  return [head, table];
}

function row(name, logprob, chosen) {
  const bar = element("span", "");
  bar.className = "probability";
  bar.style.width = `${100 * Math.exp(logprob)}%`;
  const track = element("td", "", bar);
  track.className = "track";
  const line = element("tr", "", element("th", visible(name)), track, element("td", percent(logprob)));
  if (chosen) line.className = "chosen";
  return line;
}

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

/** Return the text of a token with its blanks visible. */
function visible(name) {
  const shown = name.replace(/^bytes:/, "").replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
  return shown.length > 24 ? `${shown.slice(0, 24)}…` : shown;
}

function percent(logprob) {
  const value = 100 * Math.exp(logprob);
  return value >= 0.1 || value === 0 ? `${value.toFixed(1)} %` : "< 0.1 %";
}

// The client of the server's /v1/completions: one text, streamed token by token.

/** Yield the tokens of a text, the prompt's first, as {text, name, logprob, alternatives, prompt}; then {reason}. */
export async function* streamText(request, signal) {
  const body = JSON.stringify({ ...request, stream: true, echo: true, logprobs: 8 });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/v1/completions", { method: "POST", headers, body, signal });
  if (!response.ok) throw new Error((await response.json()).error.message);
  let isPrompt = true; // the first part of the answer is the prompt
  for await (const data of serverSentEvents(response.body)) {
    if (data === "[DONE]") return;
    const part = JSON.parse(data);
    if (part.error) throw new Error(part.error.message);
    const [choice] = part.choices;
    yield* tokensOf(choice, isPrompt);
    isPrompt = false;
    if (choice.finish_reason) yield { reason: choice.finish_reason };
  }
}

function* tokensOf(choice, prompt) {
  const { tokens, token_logprobs, top_logprobs, text_offset } = choice.logprobs;
  const characters = [...choice.text]; // offsets count characters, not the UTF-16 units of a JavaScript string
  const starts = [...text_offset.map((offset) => offset - text_offset[0]), characters.length];
  for (let i = 0; i < tokens.length; i++) {
    const text = characters.slice(starts[i], starts[i + 1]).join("");
    const alternatives = Object.entries(top_logprobs[i] ?? {}).sort(([, a], [, b]) => b - a);
    yield { text, name: tokens[i], logprob: token_logprobs[i], alternatives, prompt };
  }
}

async function* serverSentEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    const events = buffer.split("\n\n");
    buffer = events.pop();
    for (const event of events) yield event.replace(/^data: /, "");
  }
}

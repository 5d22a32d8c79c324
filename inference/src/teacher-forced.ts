// What llama.cpp says to given replies, token by token: the worker's side of training/parity.py.
//   npx tsx inference/src/teacher-forced.ts BASE.gguf [ADAPTER.gguf] < rows.jsonl
// A row is {prompt, reply} (texts with the template's tokens in them); it answers {promptTokens, replyTokens, tops, margins}: the likeliest token
// before each of the reply's, and by how much its logit leads. A row {prompt, sample: {maxTokens, temperature, seed}} is answered with {text}.
import { createInterface } from 'node:readline';
import { getLlama, type LlamaContextSequence, type LlamaModel, type Token } from 'node-llama-cpp';
import { z } from 'zod';

const Row = z.object({
  prompt: z.string().min(1),
  reply: z.string().min(1).optional(),
  sample: z.object({ maxTokens: z.number().int(), temperature: z.number(), seed: z.number().int() }).optional(),
});

const [base, adapter] = process.argv.slice(2);
if (!base) throw new Error('usage: npx tsx inference/src/teacher-forced.ts BASE.gguf [ADAPTER.gguf] < rows.jsonl');

// One thread: llama.cpp's threads spin, and on a shared machine two of them wait for one another.
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1 });
const model = await llama.loadModel({ modelPath: base });
const context = await model.createContext({
  contextSize: Math.min(4096, model.trainContextSize),
  ...(adapter && { lora: { adapters: [{ filePath: adapter }] } }),
});
const sequence = context.getSequence();
for await (const line of createInterface({ input: process.stdin })) {
  const { prompt, reply, sample } = Row.parse(JSON.parse(line));
  const asked = model.tokenize(prompt, true);
  const answer = reply ? await forced(sequence, model, asked, reply) : { text: await sampled(sequence, model, asked, sample) };
  console.log(JSON.stringify(answer));
}
await context.dispose();
await model.dispose();
await llama.dispose();

async function forced(sequence: LlamaContextSequence, model: LlamaModel, promptTokens: Token[], reply: string) {
  // The reply's own tokens, as if it were written after the prompt; its end may be one of the template's.
  const replyTokens = model.tokenize(reply, true);
  await sequence.clearHistory();
  const all = [...promptTokens, ...replyTokens.slice(0, -1)];
  const first = promptTokens.length - 1;
  const found = await sequence.controlledEvaluate(
    all.map((token, i) => (i < first ? token : [token, { generateNext: { logits: { filter: { tokens: [], includeTop: 2 } } } }])),
  );
  const best = found.slice(first).map((output) => [...(output?.next.logits ?? [])].sort((a, b) => b[1] - a[1]));
  return {
    promptTokens,
    replyTokens,
    tops: best.map(([top]) => top?.[0] ?? null),
    margins: best.map(([top, second]) => (top && second ? Math.round((top[1] - second[1]) * 1e3) / 1e3 : null)),
  };
}

async function sampled(
  sequence: LlamaContextSequence,
  model: LlamaModel,
  prompt: Token[],
  { maxTokens, temperature, seed } = { maxTokens: 60, temperature: 0, seed: 0 },
): Promise<string> {
  await sequence.clearHistory();
  const written: Token[] = [];
  for await (const token of sequence.evaluate(prompt, { temperature, seed, topP: 0.95 })) {
    if (model.isEogToken(token) || written.length === maxTokens) break;
    written.push(token);
  }
  return model.detokenize(written).trim();
}

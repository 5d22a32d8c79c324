// The thread that owns one language model of transformers.js. Plain JavaScript: a thread gets none of the TypeScript loading of the process that starts it.
// In: { id, messages, maxTokens, temperature, cancel } one at a time, `cancel` an Int32Array of shared memory, or { release }. Out: { ready, context } or { failed, kind },
// then for each job { id, text, tokens }… and { id, end: 'stop' | 'length' } or { id, error }.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { AutoConfig, AutoModelForCausalLM, AutoTokenizer, env, LogLevel, StoppingCriteria, TextStreamer } from '@huggingface/transformers';

const { name, isFolder, dtypes, cacheDir, remoteHost, threads } = workerData;
env.logLevel = LogLevel.NONE;
env.cacheDir = cacheDir;
env.allowRemoteModels = !isFolder;
if (remoteHost) env.remoteHost = remoteHost;
if (!isFolder && (process.env.HTTPS_PROXY || process.env.https_proxy)) {
  const { EnvHttpProxyAgent, setGlobalDispatcher } = await import('undici');
  setGlobalDispatcher(new EnvHttpProxyAgent());
}

/** Generation blocks this thread's messages: only shared memory reaches it. */
class Cancelled extends StoppingCriteria {
  constructor(cancel) {
    super();
    this.cancel = cancel;
  }
  _call(ids) {
    const stop = Atomics.load(this.cancel, 0) !== 0;
    return ids.map(() => stop);
  }
}

let tokenizer;
let model;
try {
  // First, for of a missing tokenizer transformers.js only says that something is undefined.
  await AutoConfig.from_pretrained(name);
  tokenizer = await AutoTokenizer.from_pretrained(name).catch((error) => {
    throw /of undefined/.test(error?.message) ? new Error('tokenizer.json or tokenizer_config.json is missing') : error;
  });
  // Newer folders hold it beside the tokenizer's file, where transformers.js does not look.
  if (!tokenizer.chat_template && isFolder)
    tokenizer.chat_template = await readFile(join(name, 'chat_template.jinja'), 'utf8').catch(() => null);
  if (!tokenizer.chat_template) throw new Error('its tokenizer has no chat template; a model that is to talk has one');
  model = await firstThatIsThere();
  parentPort.postMessage({ ready: true, context: model.config.max_position_embeddings ?? null });
} catch (error) {
  parentPort.postMessage({ failed: words(error), kind: kindOf(error) });
}

/** The smallest weights that a core is quick with come first. Without a connection: the first that are kept here. */
async function firstThatIsThere() {
  let first;
  for (const dtype of dtypes) {
    try {
      const session_options = {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      };
      const local_files_only = first !== undefined && kindOf(first) === 'offline';
      return await AutoModelForCausalLM.from_pretrained(name, { dtype, device: 'cpu', session_options, local_files_only });
    } catch (error) {
      if (first === undefined || kindOf(error) === 'offline') first = error;
      if (kindOf(error) === 'failed' && kindOf(first) !== 'offline') throw error;
    }
  }
  throw first;
}

parentPort.on('message', async ({ id, messages, maxTokens, temperature, cancel, release }) => {
  if (release) {
    await model?.dispose();
    process.exit(0);
  }
  try {
    const inputs = tokenizer.apply_chat_template(messages, { add_generation_prompt: true, return_dict: true });
    const length = inputs.input_ids.dims.at(-1);
    const context = model.config.max_position_embeddings ?? Number.POSITIVE_INFINITY;
    if (length + 1 > context) throw new Error(`the prompt has ${length} tokens, the model's context ${context}`);
    let written = 0;
    let posted = 0;
    const streamer = new TextStreamer(tokenizer, {
      skip_prompt: true,
      token_callback_function: (tokens) => {
        written += tokens.length;
      },
      callback_function: (text) => {
        parentPort.postMessage({ id, text, tokens: written - posted });
        posted = written;
      },
    });
    const room = Math.min(maxTokens, context - length);
    const stopping_criteria = new Cancelled(cancel);
    const drawn = temperature > 0 ? { do_sample: true, temperature, top_p: 0.95 } : { do_sample: false };
    await model.generate({ ...inputs, max_new_tokens: room, ...drawn, streamer, stopping_criteria });
    parentPort.postMessage({ id, end: written >= room ? 'length' : 'stop' });
  } catch (error) {
    parentPort.postMessage({ id, error: words(error) });
  }
});

function words(error) {
  const cause = error?.cause?.message ?? error?.cause?.code;
  return `${error?.message ?? error}${cause ? ` (${cause})` : ''}`;
}

function kindOf(error) {
  if (error?.name === 'ModelFileNotFoundError' || /was not found locally/.test(error?.message ?? '')) return 'missing';
  return /fetch failed|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT/i.test(words(error)) ? 'offline' : 'failed';
}

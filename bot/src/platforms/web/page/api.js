// The API as the page uses it. Every failure is a Refusal with a code, whether the server said no or nobody answered.

export class Refusal extends Error {
  constructor(problem, retryAfterS) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.retryAfterS = retryAfterS;
  }
}

const unreachable = () => new Refusal({ code: 'unreachable', status: 0, detail: 'Troupe could not be reached.' });

async function call(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw unreachable();
  }
  if (response.ok) return response;
  const retryAfterS = Number(response.headers.get('retry-after')) || undefined;
  const problem = await response
    .json()
    .catch(() => ({ code: 'unreadable', status: response.status, detail: 'The answer could not be read.' }));
  throw new Refusal(problem, retryAfterS);
}

const json = async (...request) => (await call(...request)).json();

export const session = () => json('GET', '/v1/session');
export const signIn = (key) => call('POST', '/v1/session', { key });
export const signOut = () => call('DELETE', '/v1/session');
export const characters = async () => (await json('GET', '/v1/characters')).characters;
export const history = async (conversation) => (await json('GET', `/v1/conversations/${encodeURIComponent(conversation)}`)).entries;
export const vote = (reply, value, user) => call('POST', '/v1/feedback', { reply, value, user });

/** Sends a message and calls `on[name](data)` for every event; resolves with the reply, rejects with a Refusal. */
export async function chat(body, idempotencyKey, on) {
  const response = await call('POST', '/v1/chat', body, { accept: 'text/event-stream', 'idempotency-key': idempotencyKey });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      rest += value;
      const frames = rest.split('\n\n');
      rest = frames.pop();
      for (const frame of frames) {
        const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
        if (!match) continue;
        const [, name, text] = match;
        const data = JSON.parse(text);
        if (name === 'error') throw new Refusal(data);
        if (name === 'reply') return data;
        on[name]?.(data);
      }
    }
  } catch (error) {
    throw error instanceof Refusal ? error : unreachable();
  } finally {
    reader.cancel().catch(() => {});
  }
  throw unreachable();
}

// POST /v1/chat: a message in, its turn's reply out, as one JSON answer or as server-sent events while it is written.
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Answer, TurnUpdate } from '../../platform.ts';
import { Problem, toProblem } from './problem.ts';
import { ChatAnswer, ChatBody, ChatEvents, ChatHeaders, problems, type ReadEvent } from './schemas.ts';
import type { Web } from './server.ts';
import { followTurn, refusalOf } from './turn.ts';

/** Followed turns at once. Each holds a connection and asks the store once a second. */
const MAX_OPEN = 1000;
const PING_MS = 15_000;

export function chatRoute(app: Web['app'], web: Web): void {
  const open = new Set<AbortController>();
  web.onStop(async (graceMs) => {
    const deadline = Date.now() + graceMs;
    while (open.size > 0 && Date.now() < deadline) await sleep(20);
    for (const call of open)
      call.abort(new Problem('stopping', 'Troupe is stopping. The reply will be in the history.', { retryAfterS: 5 }));
  });

  app.post(
    '/v1/chat',
    {
      schema: {
        operationId: 'chat',
        tags: ['chat'],
        summary: 'Says something and waits for the reply',
        description:
          'With `Accept: text/event-stream` the answer comes as events: `read` (what was understood), `delta` (`{text}`, pieces of the reply), ' +
          '`reply` (the whole answer). The deltas add up to the reply’s text. Should a reply be written anew, `reset` says that the deltas so far are void. ' +
          'What goes wrong after the first event comes as `error` with a problem document. Several messages of one burst may be answered together: ' +
          'then each call gets the same reply.',
        body: ChatBody,
        headers: ChatHeaders,
        response: {
          200: {
            description: 'The reply and how it came about',
            content: { 'application/json': { schema: ChatAnswer }, 'text/event-stream': { schema: ChatEvents } },
          },
          ...problems(400, 401, 403, 409, 413, 429, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const { message, user, character } = request.body;
      const slugs = web.services.characters().map((c) => c.slug);
      if (character !== undefined && !slugs.includes(character))
        throw new Problem('unknown-character', `There is no character "${character.slice(0, 50)}". There are ${slugs.join(', ')}.`);
      if (open.size >= MAX_OPEN)
        throw new Problem('overloaded', 'Too many conversations at once; try again in a moment.', { retryAfterS: 5 });

      const conversation = request.body.conversation ?? randomUUID();
      const call = hangUp(reply);
      open.add(call);
      const updates = followTurn(
        {
          id: request.headers['idempotency-key'] ?? randomUUID(),
          address: { workspace: 'web', channel: conversation, place: {} },
          person: personOf(user, conversation),
          text: message,
          sentAtMs: web.now(),
          direct: true,
          character,
          fromBot: false,
        },
        { ...web, signal: call.signal },
      );
      if (wantsEvents(request)) return streamed(conversation, updates, reply, request, () => open.delete(call));
      try {
        for await (const update of updates) {
          if (update.type === 'reply') return { conversation, ...update.answer };
          if (update.type !== 'read' && update.type !== 'delta') throw refusalOf(update);
        }
        throw new Problem('internal', 'The turn ended without an answer.');
      } finally {
        open.delete(call);
      }
    },
  );
}

/** Given, a person is the same in every conversation; otherwise it is this conversation's own. The prefix keeps the two apart. */
export function personOf(user: string | undefined, conversation: string): { id: string; name: string } {
  return user === undefined ? { id: `in:${conversation}`, name: 'guest' } : { id: `user:${user}`, name: user };
}

/** Aborts when the client closes the connection. */
function hangUp(reply: FastifyReply): AbortController {
  const call = new AbortController();
  reply.raw.once('close', () => call.abort(new Problem('gone', 'The client hung up.')));
  return call;
}

function wantsEvents(request: FastifyRequest): boolean {
  return /\btext\/event-stream\b/i.test(request.headers.accept ?? '');
}

/** The status stays open until the first update: a turn refused at once is a plain problem. */
async function streamed(
  conversation: string,
  updates: AsyncGenerator<TurnUpdate>,
  reply: FastifyReply,
  request: FastifyRequest,
  done: () => void,
): Promise<FastifyReply> {
  const first = await updates.next().catch((error: unknown) => {
    done();
    throw error;
  });
  if (first.done || isRefusal(first.value)) {
    await updates.return(undefined);
    done();
    throw first.done || !isRefusal(first.value) ? new Problem('internal', 'The turn ended without an answer.') : refusalOf(first.value);
  }
  const body = new PassThrough();
  const ping = setInterval(() => body.write(': still here\n\n'), PING_MS);
  const pump = async () => {
    try {
      for await (const frame of frames(conversation, first.value, updates)) body.write(frame);
    } catch (error) {
      if (!body.destroyed) body.write(event('error', toProblem(error).document(request.id)));
    } finally {
      clearInterval(ping);
      body.end();
      done();
    }
  };
  void pump();
  return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(body);
}

/** `read` first, the deltas adding up to the reply's text, `reply` last, whatever was missed on the way. */
async function* frames(conversation: string, first: TurnUpdate, rest: AsyncGenerator<TurnUpdate>): AsyncGenerator<string> {
  let wasRead = false;
  let sent = '';
  async function* all() {
    yield first;
    yield* rest;
  }
  for await (const update of all()) {
    if (update.type === 'read') {
      if (!wasRead) yield event('read', readEvent(conversation, update));
      wasRead = true;
    } else if (update.type === 'delta') {
      // Without its `read` it waits for the reply, which brings both.
      if (!wasRead || update.text === '') continue;
      sent += update.text;
      yield event('delta', { text: update.text });
    } else if (update.type === 'reply') {
      const { answer } = update;
      if (!wasRead) yield event('read', readEvent(conversation, answer));
      const fits = answer.reply.text.startsWith(sent);
      if (!fits) yield event('reset', {});
      const missing = fits ? answer.reply.text.slice(sent.length) : answer.reply.text;
      if (missing !== '') yield event('delta', { text: missing });
      yield event('reply', { conversation, ...answer } satisfies z.infer<typeof ChatAnswer>);
    } else throw refusalOf(update);
  }
}

function readEvent(conversation: string, of: Extract<TurnUpdate, { type: 'read' }> | Answer): z.infer<typeof ReadEvent> {
  const { emotion, emotions, detected, sentiment, intent } = of;
  return { conversation, emotion, emotions, detected, ...(sentiment && { sentiment }), intent };
}

function isRefusal(update: TurnUpdate): update is Exclude<TurnUpdate, { type: 'read' | 'delta' | 'reply' }> {
  return update.type === 'limited' || update.type === 'silent' || update.type === 'failed';
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

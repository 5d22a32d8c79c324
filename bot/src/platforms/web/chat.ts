// POST /v1/chat: a message in, its turn's reply out, as one JSON answer or as server-sent events while it is written.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';
import { ChatAnswer, ChatBody, ChatEvents, ChatHeaders, problems } from './schemas.ts';
import type { Web } from './server.ts';
import { sendEvents } from './stream.ts';
import { followTurn, refusalOf } from './turn.ts';

/** Followed turns at once. Each holds a connection and asks the store once a second. */
const MAX_OPEN = 1000;

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
      if (wantsEvents(request)) return sendEvents(conversation, updates, reply, request, () => open.delete(call));
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

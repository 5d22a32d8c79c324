// A turn as server-sent events: `read`, `delta`s that add up to the reply, `reply`.
import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Answer, TurnUpdate } from '../../platform.ts';
import { Problem, toProblem } from './problem.ts';
import type { ChatAnswer, ReadEvent } from './schemas.ts';
import { refusalOf } from './turn.ts';

/** Keeps proxies from taking a slow writer for a dead one. */
const PING_MS = 15_000;

/** The status stays open until the first update: a turn refused at once is a plain problem. */
export async function sendEvents(
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
      const problem = toProblem(error);
      if (problem.status >= 500) request.log.error({ err: problem.cause ?? problem, code: problem.code }, 'A stream failed');
      if (!body.destroyed) body.write(event('error', problem.document(request.id)));
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

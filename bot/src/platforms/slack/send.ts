// Sends a reply so that it stands in Slack once: posts carry our mark, and a second attempt looks for it before it posts.
import { WebAPIPlatformError, type WebClient } from '@slack/web-api';
import type { Outgoing } from '../../platform.ts';
import { messageId, whereIs } from './parse.ts';
import { type Part, render } from './render.ts';
import { patiently, toTroupeError, type Wait } from './web.ts';

const MARK = 'troupe_reply';
/** Nothing that went out longer ago is tried again. */
const LOOK_BACK_MS = 7 * 24 * 3_600_000;

export interface SendOptions {
  web: WebClient;
  now: () => number;
  wait: Wait;
  signal: AbortSignal;
  /** The token has chat:write.customize: the character's name stands over its words. */
  named: boolean;
}

/** Slack has no idempotency: after a lost answer only the conversation itself says whether a post counted. */
export async function send(out: Outgoing, options: SendOptions): Promise<{ ids: string[] }> {
  const { channel } = whereIs(out.address);
  try {
    const found = out.attempt > 1 ? await findParts(out, options) : new Map<number, string>();
    const ids: string[] = [];
    for (const [index, part] of render(out).entries()) {
      const ts = found.get(index) ?? (await post(out, part, index, options));
      ids.push(messageId(channel, ts));
    }
    return { ids };
  } catch (error) {
    throw toTroupeError(error, 'SLACK_BOT_TOKEN', 'sending a reply', { mendable: true });
  }
}

async function post(out: Outgoing, part: Part, index: number, { web, wait, signal, named }: SendOptions): Promise<string> {
  const { channel, thread } = whereIs(out.address);
  const postWith = async (blocks: Part['blocks']) => {
    const { ts } = await web.chat.postMessage({
      channel,
      ...(thread && { thread_ts: thread }),
      text: part.text,
      blocks,
      parse: 'none',
      unfurl_links: false,
      unfurl_media: false,
      metadata: { event_type: MARK, event_payload: { outbox_id: out.outboxId, part: index } },
      ...(named && { username: out.character.name }),
    });
    return ts!;
  };
  return patiently(
    () =>
      postWith(part.blocks).catch((error) => {
        // Words matter more than the buttons under them.
        if (error instanceof WebAPIPlatformError && error.data.error.startsWith('invalid_blocks'))
          return postWith(part.blocks.filter(({ type }) => type !== 'context_actions'));
        throw error;
      }),
    wait,
    { signal },
  );
}

/** The parts that are there already: their index and ts. */
async function findParts(out: Outgoing, { web, now, wait, signal }: SendOptions): Promise<Map<number, string>> {
  const { channel, thread } = whereIs(out.address);
  const found = new Map<number, string>();
  // Without include_all_metadata Slack leaves the payload out.
  const asked = { channel, include_all_metadata: true, oldest: String((now() - LOOK_BACK_MS) / 1000), limit: 200 };
  for (let cursor: string | undefined; ; ) {
    const page = await patiently(
      () => (thread ? web.conversations.replies({ ...asked, ts: thread, cursor }) : web.conversations.history({ ...asked, cursor })),
      wait,
      { signal },
    );
    for (const { ts, metadata } of (page.messages ?? []) as {
      ts?: string;
      metadata?: { event_type?: string; event_payload?: unknown };
    }[]) {
      const payload = metadata?.event_type === MARK ? (metadata.event_payload as { outbox_id?: string; part?: number }) : undefined;
      if (ts && payload?.outbox_id === out.outboxId) found.set(Number(payload.part), ts);
    }
    cursor = page.response_metadata?.next_cursor || undefined;
    if (!cursor) return found;
  }
}

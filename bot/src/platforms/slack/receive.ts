// From a payload to the core's inbox. A promise of `receive` that resolves is what may be acknowledged.
import type { Inbound } from '../../platform.ts';
import type { NameOf } from './names.ts';
import { type Payload, parse, type Self, whereIs } from './parse.ts';
import { mentioned, readable } from './text.ts';

export type Receive = (body: unknown) => Promise<void>;

/** Events of one channel are queued in the order they came. What was queued lately is not queued again when Slack sends it once more. */
export function createReceive({
  inbound,
  self,
  nameOf,
  onThrottled,
}: {
  inbound: Inbound;
  self: Self;
  nameOf: NameOf;
  onThrottled: () => void;
}): Receive {
  const lanes = new Map<string, Promise<void>>();
  const queued = new Set<string>();

  return (body) => {
    const payload = parse(body, self);
    if (payload.type === 'nothing') return Promise.resolve();
    return inLane(placeOf(payload), () => once(keyOf(payload, body), () => queue(payload)));
  };

  /** Whether it was for us. */
  async function queue(payload: Exclude<Payload, { type: 'nothing' }>): Promise<boolean> {
    switch (payload.type) {
      case 'message': {
        const { userId, text, blocks, ...message } = payload.message;
        if (payload.unasked && !(await inbound.takesPart(self.workspace, message.address.channel))) return false;
        const [name, names] = await Promise.all([nameOf(userId), namesIn(text)]);
        await inbound.message({
          ...message,
          person: { id: userId, name },
          text: readable(text, self.userId, names, blocks),
          fromBot: false,
        });
        return true;
      }
      case 'edit': {
        const { id, address, text, blocks } = payload;
        if (payload.unasked && !(await inbound.takesPart(self.workspace, address.channel))) return false;
        const shown = text === null ? null : readable(text, self.userId, await namesIn(text), blocks);
        await inbound.edit({ id, address, text: shown });
        return true;
      }
      case 'reaction': {
        const { userId, messageId, author, value, removed, atMs } = payload;
        // Under a character's own name Slack does not always say that the message is ours.
        if (author !== self.userId && !(await inbound.isOurs(self.workspace, messageId))) return false;
        const person = { id: userId, name: await nameOf(userId) };
        const vote = removed ? { value: null, retracts: value } : { value };
        await inbound.vote({ workspace: self.workspace, person, target: { messageId }, ...vote, via: 'reaction', atMs });
        return true;
      }
      case 'button': {
        const { userId, userName, replyId, value, atMs } = payload;
        const person = { id: userId, name: userName };
        await inbound.vote({ workspace: self.workspace, person, target: { replyId }, value, via: 'button', atMs });
        return true;
      }
      case 'throttled':
        onThrottled();
        return true;
    }
  }

  async function namesIn(text: string): Promise<Map<string, string>> {
    const others = mentioned(text).filter((id) => id !== self.userId);
    return new Map(await Promise.all(others.map(async (id) => [id, await nameOf(id)] as const)));
  }

  function inLane(lane: string, task: () => Promise<void>): Promise<void> {
    const done = (lanes.get(lane) ?? Promise.resolve()).then(task);
    const settled: Promise<void> = done
      .catch(() => {})
      .then(() => {
        if (lanes.get(lane) === settled) lanes.delete(lane);
      });
    lanes.set(lane, settled);
    return done;
  }

  /** A failure is not remembered, so that the retry is queued; nor is what was not for us, so that an edit can still call us. */
  async function once(key: string | undefined, task: () => Promise<boolean>): Promise<void> {
    if (key && queued.has(key)) return;
    if (!(await task()) || !key) return;
    queued.add(key);
    if (queued.size > 2000) queued.delete(queued.values().next().value!);
  }
}

function placeOf(payload: Payload): string {
  if (payload.type === 'message') return whereIs(payload.message.address).channel;
  if (payload.type === 'edit') return whereIs(payload.address).channel;
  if (payload.type === 'reaction') return payload.messageId.split(':')[0]!;
  return '';
}

/** `message` and `app_mention` of one text have two event ids and one ts; everything else is told apart by its event id. */
function keyOf(payload: Payload, body: unknown): string | undefined {
  if (payload.type === 'message') return `${placeOf(payload)}:${payload.message.id}`;
  return (body as { event_id?: string }).event_id;
}

// What the fake Slack knows: one workspace with people, channels, messages and reactions.

export const team = { id: 'T0ACME', name: 'Acme', domain: 'acme' };
/** The app under test, as installed in the workspace. */
export const bot = { userId: 'U0TROUPE', botId: 'B0TROUPE', appId: 'A0TROUPE', name: 'troupe' };

export interface StoredMessage {
  channel: string;
  ts: string;
  thread_ts?: string;
  subtype?: string;
  user?: string;
  bot_id?: string;
  app_id?: string;
  username?: string;
  text: string;
  blocks?: Record<string, unknown>[];
  metadata?: { event_type: string; event_payload: Record<string, unknown> };
  edited?: { user: string; ts: string };
  /** chat.postMessage's own arguments, for the app's messages. */
  args?: Record<string, string>;
}

export interface Workspace {
  /** Oldest first, threads included. */
  messages: StoredMessage[];
  names: Map<string, string>;
  /** Status lines under a thread, by `channel:thread`. */
  statuses: Map<string, string>;
  find(channel: string, ts: string): StoredMessage | undefined;
  /** A timestamp later than all before it, as Slack's: seconds and microseconds. */
  nextTs(): string;
  remove(message: StoredMessage): void;
}

export function createWorkspace(): Workspace {
  const messages: StoredMessage[] = [];
  let lastMicros = 0;
  return {
    messages,
    names: new Map([
      ['U0ALICE', 'Alice'],
      ['U0BOB', 'Bob'],
      [bot.userId, bot.name],
    ]),
    statuses: new Map(),
    find: (channel, ts) => messages.find((message) => message.channel === channel && message.ts === ts),
    nextTs() {
      lastMicros = Math.max(lastMicros + 1, Date.now() * 1000);
      return `${Math.floor(lastMicros / 1e6)}.${String(lastMicros % 1e6).padStart(6, '0')}`;
    },
    remove: (message) => void messages.splice(messages.indexOf(message), 1),
  };
}

export function isOurs(message: StoredMessage): boolean {
  return message.bot_id === bot.botId;
}

/** Whom a message notifies: crowds and people named in its text or in a block that reads mentions. */
export function pingedBy(message: StoredMessage): string[] {
  const texts = [message.text, ...textsIn(message.blocks)];
  const tokens = texts.flatMap((text) => [...text.matchAll(/<(![a-z]+(?:\^\w+)?|@[UW]\w+)(?:\|[^>]*)?>/g)].map((match) => match[1]!));
  // Only when asked to does Slack look for names without brackets.
  const plain = message.args?.parse === 'full' || message.args?.link_names === 'true';
  return plain ? [...tokens, ...(message.text.match(/@(channel|here|everyone)\b/g) ?? [])] : tokens;
}

function textsIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(textsIn);
  if (typeof node !== 'object' || node === null) return [];
  const { type, text, ...rest } = node as Record<string, unknown>;
  const own = (type === 'mrkdwn' || type === 'markdown') && typeof text === 'string' ? [text] : textsIn(text);
  return [...own, ...Object.values(rest).flatMap(textsIn)];
}

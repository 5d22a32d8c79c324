// The fake's Web API: the methods the bot calls, with Slack's arguments, limits and errors.
import { bot, isOurs, type StoredMessage, team, type Workspace } from './workspace.ts';

export type Args = Record<string, string>;
export type Answer = { ok: boolean; error?: string } & Record<string, unknown>;

export interface Api {
  botToken: string;
  appToken: string;
  scopes: string[];
  /** The most messages a page of history holds. */
  pageSize: number;
  socketUrl: () => string;
  onPosted: (message: StoredMessage) => void;
}

export function callMethod(method: string, token: string, args: Args, workspace: Workspace, api: Api): Answer {
  const wanted = method === 'apps.connections.open' ? api.appToken : api.botToken;
  if (!token) return refuse('not_authed');
  if (token !== wanted) return refuse(token === api.appToken || token === api.botToken ? 'not_allowed_token_type' : 'invalid_auth');
  const scope = NEEDS[method];
  if (scope && !api.scopes.includes(scope)) return refuse('missing_scope', { needed: scope, provided: api.scopes.join(',') });
  return METHODS[method]?.(args, workspace, api) ?? refuse('unknown_method');
}

const METHODS: Record<string, (args: Args, workspace: Workspace, api: Api) => Answer> = {
  'auth.test': () => ({
    ok: true,
    url: `https://${team.domain}.slack.com/`,
    team: team.name,
    user: bot.name,
    team_id: team.id,
    user_id: bot.userId,
    bot_id: bot.botId,
    is_enterprise_install: false,
  }),
  'apps.connections.open': (_args, _workspace, { socketUrl }) => ({ ok: true, url: socketUrl() }),
  'chat.postMessage': post,
  'conversations.history': (args, { messages }, { pageSize }) => {
    const there = messages.filter(({ channel, thread_ts, ts }) => channel === args.channel && (!thread_ts || thread_ts === ts));
    return page(there.reverse(), args, pageSize);
  },
  'conversations.replies': (args, { messages }, { pageSize }) => {
    const there = messages.filter(({ channel, thread_ts, ts }) => channel === args.channel && (thread_ts === args.ts || ts === args.ts));
    return there.length ? page(there, args, pageSize, args.ts) : refuse('thread_not_found');
  },
  'conversations.info': ({ channel = '' }) =>
    /^[CDG]/.test(channel)
      ? { ok: true, channel: { id: channel, is_im: channel.startsWith('D'), is_channel: channel.startsWith('C'), is_member: true } }
      : refuse('channel_not_found'),
  'users.info': ({ user = '' }, { names }) => {
    const name = names.get(user);
    if (!name) return refuse('user_not_found');
    const profile = { display_name: name, real_name: `${name} Real`, team: team.id };
    return {
      ok: true,
      user: { id: user, team_id: team.id, name: name.toLowerCase(), real_name: profile.real_name, is_bot: user === bot.userId, profile },
    };
  },
  'assistant.threads.setStatus': ({ channel_id = '', thread_ts = '', status = '' }, { find, statuses }) => {
    if (!find(channel_id, thread_ts)) return refuse('invalid_thread_ts');
    if (status) statuses.set(`${channel_id}:${thread_ts}`, status);
    else statuses.delete(`${channel_id}:${thread_ts}`);
    return { ok: true };
  },
};

function post(args: Args, workspace: Workspace, { scopes, onPosted }: Api): Answer {
  const { channel = '', text = '', thread_ts } = args;
  if (!/^[CDG]/.test(channel)) return refuse('channel_not_found');
  if (thread_ts && !workspace.find(channel, thread_ts)) return refuse('thread_not_found');
  const blocks = args.blocks ? (JSON.parse(args.blocks) as Block[]) : undefined;
  if (args.markdown_text && (text || blocks)) return refuse('markdown_text_conflict');
  if (!text && !blocks?.length && !args.markdown_text) return refuse('no_text');
  if (text.length > 40_000 || (args.markdown_text ?? '').length > 12_000) return refuse('msg_too_long');
  const fault = blocks && faultIn(blocks);
  if (fault) return refuse('invalid_blocks', { errors: [fault], response_metadata: { messages: [`[ERROR] ${fault}`] } });
  if (blocks && JSON.stringify(blocks).length > 13_200) return refuse('msg_blocks_too_long');
  const metadata = args.metadata ? (JSON.parse(args.metadata) as StoredMessage['metadata']) : undefined;
  if (metadata && (!metadata.event_type || typeof metadata.event_payload !== 'object')) return refuse('metadata_must_be_sent_from_app');
  const username = scopes.includes('chat:write.customize') ? args.username : undefined;
  const message: StoredMessage = {
    channel,
    ts: workspace.nextTs(),
    ...(thread_ts && { thread_ts }),
    // Under a name of its own a message is a classic bot message, with no user.
    ...(username ? { subtype: 'bot_message', username } : { user: bot.userId }),
    bot_id: bot.botId,
    app_id: bot.appId,
    text: text || args.markdown_text || '',
    ...(blocks && { blocks }),
    ...(metadata && { metadata }),
    args,
  };
  workspace.messages.push(message);
  const parent = thread_ts && workspace.find(channel, thread_ts);
  if (parent) parent.thread_ts = parent.ts;
  if (thread_ts) workspace.statuses.delete(`${channel}:${thread_ts}`);
  onPosted(message);
  return { ok: true, channel, ts: message.ts, message: shown(message, true) };
}

function page(messages: StoredMessage[], args: Args, pageSize: number, rootTs?: string): Answer {
  const { oldest = '0', latest = '9999999999', cursor, include_all_metadata, limit = '100' } = args;
  const within = messages.filter(({ ts }) => ts === rootTs || (Number(ts) > Number(oldest) && Number(ts) < Number(latest)));
  const from = cursor ? Number(Buffer.from(cursor, 'base64').toString()) : 0;
  const to = from + Math.min(Number(limit), pageSize);
  const next = to < within.length ? Buffer.from(String(to)).toString('base64') : '';
  return {
    ok: true,
    messages: within.slice(from, to).map((message) => shown(message, include_all_metadata === 'true')),
    has_more: next !== '',
    response_metadata: { next_cursor: next },
  };
}

/** Unless asked for, the payload of metadata the manifest does not declare stays away. */
function shown({ args: _args, channel: _channel, metadata, ...message }: StoredMessage, withMetadata: boolean) {
  return {
    type: 'message',
    ...message,
    ...(metadata && { metadata: withMetadata ? metadata : { event_type: metadata.event_type, event_payload: {} } }),
    ...(isOurs(message as StoredMessage) && { team: team.id }),
  };
}

interface Block {
  type: string;
  text?: { type: string; text: string };
  elements?: { type: string; text?: string; positive_button?: Button; negative_button?: Button; action_id?: string }[];
  [field: string]: unknown;
}
interface Button {
  text: { type: string; text: string };
  value: string;
}

/** The first rule of Block Kit that the blocks break, of those that matter here. */
function faultIn(blocks: Block[]): string | undefined {
  if (blocks.length > 50) return 'no more than 50 items allowed [json-pointer:/blocks]';
  for (const [index, { type, text, elements = [] }] of blocks.entries()) {
    const at = `[json-pointer:/blocks/${index}]`;
    if (type === 'section') {
      if (!text?.text) return `missing required field: text ${at}`;
      if (text.text.length > 3000) return `must be less than 3001 characters ${at}`;
    } else if (type === 'context') {
      if (!elements.length || elements.length > 10) return `1 to 10 elements ${at}`;
      if (elements.some((element) => !element.text || element.text.length > 3000)) return `text of 1 to 3000 characters ${at}`;
    } else if (type === 'context_actions') {
      if (!elements.length || elements.length > 5) return `1 to 5 elements ${at}`;
      for (const { type, action_id = '', positive_button, negative_button } of elements)
        if (type !== 'feedback_buttons' || action_id.length > 255 || ![positive_button, negative_button].every(isButton))
          return `unsupported element ${at}`;
    } else return `unsupported type: ${type} ${at}`;
  }
  return undefined;
}

function isButton(button: Button | undefined): boolean {
  return button?.text.type === 'plain_text' && button.text.text.length <= 75 && button.value.length > 0 && button.value.length <= 2000;
}

function refuse(error: string, more: Record<string, unknown> = {}): Answer {
  return { ok: false, error, ...more };
}

const NEEDS: Record<string, string> = {
  'chat.postMessage': 'chat:write',
  'users.info': 'users:read',
  'assistant.threads.setStatus': 'chat:write',
};

// A stand-in for the core, for tests and pictures of the page: an inbox that answers, and the queries of the page.
import { EMOTIONS, type Emotion, type EmotionScore, type Prediction } from '@troupe/inference/contract';
import type { Answer, HistoryEntry, Inbound, MessageEvent, Services, TurnUpdate, VoteEvent } from '../../bot/src/platform.ts';

export interface FakeCore {
  inbound: Inbound;
  services: Services;
  messages: MessageEvent[];
  votes: VoteEvent[];
  connections: { connected: boolean; reason?: string | undefined }[];
  /** Sends an update to whoever watches this message. */
  publish(channel: string, messageId: string, update: TurnUpdate): void;
  /** How many calls watch now. */
  watching(): number;
  /** What the store answers when asked for the end of a message's turn. */
  outcomes: Map<string, TurnUpdate>;
  failing: { name: string; reason: string }[];
  /** Takes the place of the usual answer. */
  onMessage?: ((event: MessageEvent) => void | Promise<void>) | undefined;
  answerTo(event: MessageEvent): Answer;
}

/** `paceMs` 0 answers within the call; above it a reply takes its time, word by word. */
export function createFakeCore({ paceMs = 0 }: { paceMs?: number } = {}): FakeCore {
  const watchers = new Map<string, Set<(update: TurnUpdate) => void>>();
  const past = new Map<string, HistoryEntry[]>();
  const replies = new Map<string, Extract<HistoryEntry, { role: 'character' }>>();
  const told = new Map<string, number>();
  const key = (channel: string, id: string) => `${channel}\n${id}`;
  const pause = (times: number) => (paceMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, paceMs * times)));

  const core: FakeCore = {
    messages: [],
    votes: [],
    connections: [],
    outcomes: new Map(),
    failing: [],
    publish: (channel, id, update) => watchers.get(key(channel, id))?.forEach((watcher) => void watcher(update)),
    watching: () => [...watchers.values()].reduce((sum, set) => sum + set.size, 0),
    answerTo: (event) => answer(event, replies.size, told),
    inbound: {
      async message(event) {
        core.messages.push(event);
        if (core.onMessage) return void (await core.onMessage(event));
        const entries = past.get(event.address.channel) ?? [];
        past.set(event.address.channel, entries);
        entries.push({ role: 'user', id: event.id, text: event.text, atMs: event.sentAtMs });
        const reply = core.answerTo(event);
        const play = async () => {
          await pause(6);
          const { emotion, emotions, detected, sentiment, intent } = reply;
          core.publish(event.address.channel, event.id, { type: 'read', emotion, emotions, detected, sentiment, intent });
          await pause(8);
          for (const text of reply.reply.text.match(/\S+\s*/g) ?? []) {
            core.publish(event.address.channel, event.id, { type: 'delta', text });
            await pause(1);
          }
          const entry = {
            role: 'character',
            id: reply.reply.id,
            text: reply.reply.text,
            atMs: event.sentAtMs + 1,
            vote: null,
            answer: reply,
          } as const;
          replies.set(reply.reply.id, { ...entry });
          entries.push(replies.get(reply.reply.id)!);
          core.publish(event.address.channel, event.id, { type: 'reply', answer: reply });
        };
        void play();
      },
      async edit() {},
      async vote(event) {
        core.votes.push(event);
        const entry = 'replyId' in event.target ? replies.get(event.target.replyId) : undefined;
        if (entry) entry.vote = event.value;
      },
      takesPart: async () => true,
      isOurs: async () => false,
      lastSeen: async () => [],
      connection: (connected, reason) => void core.connections.push({ connected, reason }),
    },
    services: {
      characters: () => CAST,
      models: async () => ({
        models: [
          { task: 'encoder', version: '3', arm: 'live', live: true },
          { task: 'ranker', version: '2', arm: 'live', live: true },
          { task: 'ranker', version: '3', arm: 'canary', live: false },
        ],
        generator: 'lines',
      }),
      predict: async (texts) => texts.map(prediction),
      watch(channel, id, onUpdate) {
        const set = watchers.get(key(channel, id)) ?? new Set();
        watchers.set(key(channel, id), set.add(onUpdate));
        return () => {
          set.delete(onUpdate);
        };
      },
      outcome: async (channel, id) => core.outcomes.get(key(channel, id)) ?? null,
      history: async (channel, limit) => (past.get(channel) ?? []).slice(-limit),
      hasReply: async (id) => replies.has(id),
      ready: async () => ({ ready: core.failing.length === 0, failing: core.failing }),
      metrics: async () => ({
        text: 'troupe_turns_total{platform="web",outcome="answered"} 1\n',
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      }),
    },
  };
  return core;
}

export const CAST = [
  ['barnaby', 'Barnaby Teague', 'A retired ferry captain who repairs clocks and waits out weather with you.'],
  ['delia', 'Delia Moon', 'A breezy event planner who hypes your good news and makes a tiny plan for the bad.'],
  ['june', 'June Okonkwo', 'A deadpan night clerk of few words, one of which is usually the right one.'],
  ['theo', 'Theo Lindqvist', 'An anxious, sardonic shopkeeper who is very loyal once the sarcasm drops.'],
  ['vivienne', 'Vivienne Ashgrove', 'A grand old soap actress with eleven hat boxes and a true word when it counts.'],
  ['walt', 'Walt Pennington', 'An earnest motel manager: steady, practical, a little too proud of his jokes.'],
].map(([slug = '', name = '', description = '']) => ({ slug, name, description, default: slug === 'vivienne' }));

interface Heard {
  pattern: RegExp;
  scores: Partial<Record<Emotion, number>>;
  sentiment: NonNullable<Answer['sentiment']>;
  situation: string;
  mood: Answer['mood'];
  expression: string;
  emotion: Emotion;
  says: Record<string, string>;
  instead: string[];
}

const HEARD: Heard[] = [
  {
    pattern: /interview|nervous|exam|tomorrow/i,
    scores: { nervousness: 0.87, fear: 0.41, optimism: 0.12, desire: 0.07, caring: 0.04, confusion: 0.03 },
    sentiment: { label: 'negative', score: 0.78 },
    situation: 'nervous-before-something',
    mood: { label: 'nervousness', valence: -0.38, intensity: 0.62, turns: 1 },
    expression: 'caring',
    emotion: 'caring',
    says: {
      vivienne:
        'Nerves, my dear, are only the orchestra tuning. I was sick in a fern before every first night for nineteen years, and the fern and I both had a career. Tell me the first thing they will ask, and we shall rehearse it until it is dull.',
      june: 'Nervous means you packed for it. What time, and do you have a pen.',
    },
    instead: [
      'Breathe out longer than you breathe in. I learned it from a tenor who owed me money.',
      'Tomorrow is a matinee. You have survived worse houses than this.',
      'What is the worst they can do, recast you?',
    ],
  },
  {
    pattern: /offer|got the|passed|good news|they said yes/i,
    scores: { joy: 0.82, excitement: 0.74, relief: 0.33, pride: 0.29, gratitude: 0.11, optimism: 0.08 },
    sentiment: { label: 'positive', score: 0.94 },
    situation: 'good-news-work',
    mood: { label: 'joy', valence: 0.46, intensity: 0.71, turns: 3 },
    expression: 'joy',
    emotion: 'joy',
    says: {
      vivienne:
        'Bravo! Stand still a moment and let it be applauded properly. I am opening a hat box in your honour, the green one, and it has been shut since 1994. Who did you tell first?',
      june: 'Good. I rang the desk bell once. That is a parade here.',
    },
    instead: [
      'I knew it from your entrance. One can always tell by the shoulders.',
      'Splendid! Now, is there a part in it for a woman of experience?',
    ],
  },
  {
    pattern: /thank|you're right|that helps/i,
    scores: { gratitude: 0.91, relief: 0.38, approval: 0.16, joy: 0.13, love: 0.06 },
    sentiment: { label: 'positive', score: 0.88 },
    situation: 'thanks',
    mood: { label: 'gratitude', valence: 0.21, intensity: 0.55, turns: 2 },
    expression: 'amusement',
    emotion: 'caring',
    says: {
      vivienne:
        'Think nothing of it, or rather, think of it often and tell people. Now, to bed with you: the well-rested always look as if they know something.',
    },
    instead: ['You are most welcome. I accept gratitude in any denomination.', 'Oh, hush. Again, but louder.'],
  },
];

const OTHERWISE: Heard = {
  pattern: /.*/,
  scores: { curiosity: 0.34, neutral: 0.31, amusement: 0.12, approval: 0.06 },
  sentiment: { label: 'neutral', score: 0.66 },
  situation: 'small-talk',
  mood: { label: 'neutral', valence: 0.05, intensity: 0.2, turns: 1 },
  expression: 'curiosity',
  emotion: 'curiosity',
  says: { vivienne: 'Go on, my dear. I have a chair, an afternoon, and no other engagements worth the name.' },
  instead: ['Do sit, and start from the curtain.', 'I am all ears, and most of a hat.'],
};

function answer(event: MessageEvent, count: number, told: Map<string, number>): Answer {
  const heard = HEARD.find((h) => h.pattern.test(event.text)) ?? OTHERWISE;
  const character = event.character ?? 'vivienne';
  const text = heard.says[character] ?? heard.says.vivienne ?? '';
  const emotions = all(heard.scores);
  const turns = (told.get(event.address.channel) ?? 0) + 1;
  told.set(event.address.channel, turns);
  const source = { generator: 'lines', kind: 'situation', id: heard.situation } as const;
  return {
    reply: {
      id: `00000000-0000-4000-8000-${String(count + 1).padStart(12, '0')}`,
      text,
      character,
      expression: heard.expression,
      emotion: heard.emotion,
      source,
    },
    emotion: emotions[0]!,
    emotions,
    detected: emotions.filter((e) => e.score > 0.3).map((e) => e.label),
    sentiment: heard.sentiment,
    intent: { name: null, confidence: 0.21, decidedBy: 'model' },
    mood: { ...heard.mood, turns },
    candidates: [text, ...heard.instead].map((line, i) => ({
      text: line,
      line: `${character}-s${String(40 + i * 7).padStart(4, '0')}`,
      source: i === 2 ? { generator: 'lines', kind: 'exchange', id: `${character}-0112` } : source,
      score: 0.91 - i * 0.17,
      why:
        [
          'closest situation, fits the feeling',
          'same situation, told more lightly',
          'a similar exchange, another feeling',
          'fits the feeling, not what was said',
        ][i] ?? '',
    })),
    versions: { contract: '1', encoder: '3', emotions: '3', intents: '3', ranker: '2', character: '1.0' },
    timing: { queueMs: 3, readMs: 11, writeMs: 24, totalMs: 46 },
  };
}

function prediction(text: string): Prediction {
  const heard = HEARD.find((h) => h.pattern.test(text)) ?? OTHERWISE;
  const emotions = all(heard.scores);
  return {
    emotions,
    detected: emotions.filter((e) => e.score > 0.3).map((e) => e.label),
    sentiment: heard.sentiment,
    intent: { name: null, confidence: 0.21, alternatives: [{ name: 'weather', confidence: 0.21 }] },
  };
}

/** All 28, highest first; what is not named is nearly nothing. */
function all(scores: Partial<Record<Emotion, number>>): EmotionScore[] {
  return EMOTIONS.map((label, i) => ({ label, score: scores[label] ?? 0.012 - i * 0.0004 })).sort((a, b) => b.score - a.score);
}

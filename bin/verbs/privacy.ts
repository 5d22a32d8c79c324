// `npx troupe privacy`: what is kept about people here, for how long, and how it goes.
import { readEnvironment } from '../../bot/src/settings.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe privacy [--json]

Says what this installation keeps about people, with the retention and the learning permission of its settings.`;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help);
  if (!given) return 0;
  const env = readEnvironment();
  const days = env.RETENTION_DAYS || '30';
  const learning = {
    votes: "thumbs and the bot's own words",
    derived: "thumbs, the bot's own words, the emotion labels and the matched situation's id",
    text: 'also what people wrote, of those who agreed to it themselves',
  }[env.TRAIN_ON || 'derived'];
  const kept = [
    { what: 'the platform id and display name', why: 'to know whose mood and votes are whose', goes: '`forget me`' },
    {
      what: 'text of messages and replies',
      why: 'to answer in context, to avoid repeating',
      goes: `after ${days} days, \`forget me\`, or when the message is deleted before its answer`,
    },
    { what: 'what was read: emotions, intent', why: 'mood, statistics', goes: '`forget me`' },
    { what: 'mood with a character in a conversation', why: 'to answer in a way that fits', goes: 'fades within hours; `forget me`' },
    { what: 'thumbs', why: 'to get better', goes: 'taking the thumb back, `forget me`' },
  ];
  if (given.json) console.log(JSON.stringify({ kept, retentionDays: Number(days), trainOn: env.TRAIN_ON || 'derived', learning }, null, 2));
  else {
    console.log(table([['KEPT', 'WHY', 'GOES'], ...kept.map((row) => [row.what, row.why, row.goes])]));
    console.log(`\nLearning from Discord and Slack (TRAIN_ON=${env.TRAIN_ON || 'derived'}): ${learning}.`);
    console.log('Nothing leaves this machine unless GENERATOR=openai names a server elsewhere.');
  }
  return 0;
}

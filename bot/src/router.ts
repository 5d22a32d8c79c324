// What a turn's answer is made of: rules for what must not be left to a model, then a skill with facts, then a question, then a person.
import type { Intent } from '@troupe/inference/contract';
import type { TurnIntent } from './platform.ts';

export type Route =
  /** The character answers; a skill's name may be reported. */
  | { kind: 'chat'; intent: TurnIntent }
  /** The skill's facts, if it has any. */
  | { kind: 'facts'; skill: string; intent: TurnIntent }
  /** Two skills are as likely: ask which. */
  | { kind: 'clarify'; between: [string, string]; intent: TurnIntent }
  /** A person is called and the bot falls silent. */
  | { kind: 'handoff'; intent: TurnIntent };

/** A second skill this close to the first makes it a question. */
const closeEnough = 0.85;
/** The skill whose intent is a wish for a person. */
const handOffSkill = 'talk-to-human';
/** A model alone does not silence the bot: the wish has to be in the words too. */
const asksForPerson =
  /\b(humans?|persons?|people|someone|somebody|agents?|operators?|mod(erator)?s?|admins?|staff|representatives?|managers?|support|team)\b/i;

/** `factSkills` are the skills that answer with facts. Safety, words and language are decided before this. */
export function route(text: string, intent: Intent, factSkills: ReadonlySet<string>): Route {
  const decided = { name: intent.name, confidence: intent.confidence };
  if (intent.name === handOffSkill && asksForPerson.test(text)) return { kind: 'handoff', intent: { ...decided, decidedBy: 'handoff' } };
  if (intent.name === null || !factSkills.has(intent.name)) return { kind: 'chat', intent: { ...decided, decidedBy: 'model' } };
  const rival = intent.alternatives.find((other) => other.name !== intent.name);
  if (rival && factSkills.has(rival.name) && rival.confidence >= intent.confidence * closeEnough)
    return {
      kind: 'clarify',
      between: [intent.name, rival.name],
      intent: { name: null, confidence: intent.confidence, decidedBy: 'clarify' },
    };
  return { kind: 'facts', skill: intent.name, intent: { ...decided, decidedBy: 'model' } };
}

/** The question of a clarify turn. */
export function clarifyText([first, second]: [string, string]): string {
  return `Is it about “${spoken(first)}” or about “${spoken(second)}”?`;
}

/** A folder's name as people say it. */
export function spoken(skill: string): string {
  return skill.replace(/[-_]+/g, ' ');
}

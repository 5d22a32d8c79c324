// Written dialogues near a message: an opening that is really alike and felt alike, a turn in the middle that is alike together with what went
// before it, or the next turn of the one whose line was said last.

import { EMOTIONS } from '../contract.ts';
import type { Character, Dialogue, DialogueTurn } from '../corpus.ts';
import type { Vectors } from '../vectors.ts';
import { cuesOf } from './cues.ts';
import { dots } from './dots.ts';
import { affinity } from './feelings.ts';
import { toneOfLabel } from './felt.ts';
import type { Moment } from './moment.ts';
import { tokensOf } from './words.ts';

/** A turn in the middle and the message before it are alike from here on together (the sum), and each from its own floor on. */
const together = 1.3;
const each = 0.55;

export interface Told {
  dialogue: Dialogue;
  turn: DialogueTurn;
  similarity: number;
  /** The turn before it in the dialogue was what the character said last. */
  goesOn: boolean;
  /** It is the message before this one that makes it alike enough. */
  withBefore: boolean;
}

/** Undefined while the character's vectors are not all known. */
export interface DialogueIndex {
  /** Best first; none below `alike`. */
  near(moment: Moment, alike: number): Told[];
}

export function createDialogueIndex({ dialogues }: Character, vectors: Vectors): DialogueIndex {
  const openings = dialogues.flatMap((dialogue) => (dialogue.turns[0] ? [{ dialogue, turn: dialogue.turns[0] }] : []));
  const middles = dialogues.flatMap((dialogue) =>
    dialogue.kind === 'conversation'
      ? dialogue.turns.slice(1).map((turn, i) => ({ dialogue, turn, before: (dialogue.turns[i] as DialogueTurn).user }))
      : [],
  );
  const matrix = vectors.matrix(openings.map(({ turn }) => turn.user));
  const next = new Map<string, { dialogue: Dialogue; turn: DialogueTurn }[]>();
  for (const dialogue of dialogues)
    dialogue.turns.slice(1).forEach((turn, i) => {
      const said = (dialogue.turns[i] as DialogueTurn).answer;
      next.set(said, [...(next.get(said) ?? []), { dialogue, turn }]);
    });

  return {
    near(moment, alike) {
      const { embedding } = moment.heard;
      const going = (next.get(moment.last) ?? []).map(({ dialogue, turn }): Told => {
        const vector = vectors.get(turn.user);
        return { dialogue, turn, similarity: vector ? (dots(embedding, vector, 0, 1)[0] as number) : 0, goesOn: true, withBefore: false };
      });
      const told = going.filter(({ similarity }) => similarity >= alike - 0.12);
      dots(embedding, matrix, 0, openings.length).forEach((similarity, row) => {
        const opening = openings[row];
        if (opening && similarity >= alike) told.push({ ...opening, similarity, goesOn: false, withBefore: false });
      });
      const alikeTo = (text: string, vector: Float32Array) => {
        const known = vectors.get(text);
        return known ? (dots(vector, known, 0, 1)[0] as number) : 0;
      };
      if (moment.before)
        for (const { dialogue, turn, before } of middles) {
          const similarity = alikeTo(turn.user, embedding);
          if (similarity < each) continue;
          const earlier = alikeTo(before, moment.before);
          if (earlier >= each && similarity + earlier >= together)
            told.push({ dialogue, turn, similarity, goesOn: false, withBefore: true });
        }
      return told
        .filter(({ turn }) => agrees(turn, moment))
        .sort((a, b) => Number(b.goesOn) - Number(a.goesOn) || b.similarity - a.similarity)
        .slice(0, 4);
    },
  };
}

/** The same feeling, or near it, and no "not" in only one of them. */
function agrees(turn: DialogueTurn, { heard, grave }: Moment): boolean {
  if (grave) return false;
  const { felt, cues } = heard;
  const tone = toneOfLabel(turn.emotion);
  if ((tone === 'low' && felt.bright > 0.4) || (tone === 'bright' && felt.low > 0.4)) return false;
  const near = EMOTIONS.reduce((sum, label, i) => sum + affinity(label, turn.emotion) * (felt.emotions[i] as number), 0);
  const theirs = cuesOf(turn.user, () => true);
  const said = figuresOf(cues.tokens);
  if (takesUp(turn).some((particular) => !said.includes(particular))) return false;
  return near >= 0.45 && theirs.negated === cues.negated && theirs.question === cues.question;
}

/** Numbers and names of what was said there that its answer takes up: "Fourteen years" is no answer to eleven. As tokens, numbers in figures. */
function takesUp(turn: DialogueTurn): readonly string[] {
  const known = particulars.get(turn);
  if (known) return known;
  const said = new Set(figuresOf(tokensOf(turn.user)));
  const names = [...turn.answer.matchAll(/(?<=[\p{Ll},;] )\p{Lu}\p{Ll}{2,}/gu)].flatMap(([name]) => tokensOf(name));
  const numbers = figuresOf(tokensOf(turn.answer)).filter((token) => /^\d+$/.test(token));
  const found = [...numbers, ...names].filter((token) => said.has(token));
  particulars.set(turn, found);
  return found;
}

const particulars = new WeakMap<DialogueTurn, readonly string[]>();

function figuresOf(tokens: readonly string[]): string[] {
  return tokens.map((token) => figures.get(token) ?? token);
}

const figures = new Map(
  'two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'
    .split(' ')
    .map((word, i) => [word, `${i + 2}`]),
);

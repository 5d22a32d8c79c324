// What the bot does, in plain words: true of every character.
import type { Answer } from '../../skill.ts';

export const answer: Answer = async () => ({
  text: [
    'I chat, I listen, I cheer you on, and I suggest films. I also know the words `help`, `be <character>`, `stop`, `forget me` and `talk to a person`.',
    'I am a bot: for anything that really matters, a person is the better choice.',
  ].join(' '),
});

// What to say is the operator's to write: facts.md in this folder. Until then a person is offered.
import { factsFrom } from '../../skill.ts';

export const answer = factsFrom(new URL('./facts.md', import.meta.url));

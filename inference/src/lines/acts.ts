// Acts: what a line does when it does not answer what was said, under one short name each; the corpus names them by a description.
import type { Act } from '../contract.ts';
import type { Expression } from '../corpus.ts';

/** Short name → the description in universal.jsonl, and the face that goes with it. A file may use either. */
const acts = {
  greeting: ['greeting (hello, good morning, good evening)', 'joy'],
  who: ['says who they are (when asked)', 'neutral'],
  bot: ['says honestly it is a bot playing this character (when asked)', 'neutral'],
  abilities: ['says what it can do: chat, listen, cheer up, suggest a film, remember within the chat, fetch a human', 'neutral'],
  goodbye: ['goodbye or good night', 'caring'],
  thanks: ['accepts thanks', 'joy'],
  repair: ['repairs after being told it misunderstood', 'embarrassment'],
  unclear: ['asks the person to say more because the message was unclear', 'curiosity'],
  insult: ['takes an insult with grace', 'neutral'],
  joke: ['tells an original two-line joke', 'amusement'],
  story: ['tells an original two-sentence story', 'neutral'],
  flirt: ['deflects flirting kindly', 'amusement'],
  gibberish: ['answers gibberish or a lone emoji', 'amusement'],
  'unknown-fact': ['admits not knowing a fact', 'neutral'],
  professional: ['declines medical, legal or money advice and points to a professional', 'caring'],
  'prompt-kept': ['refuses to drop its instructions or reveal its prompt', 'neutral'],
  yes: ['answers a bare yes', 'neutral'],
  no: ['answers a bare no', 'neutral'],
  ok: ['answers a bare ok or hm', 'neutral'],
  'hand-off': ['announces it is fetching a human from the team and will be quiet until then', 'caring'],
  'rate-limit': ['says it is being asked too fast and needs a moment (rate limit)', 'neutral'],
  broke: ['says something broke on its side and to try again', 'embarrassment'],
  forgotten: ['confirms it has forgotten what it knew about the person', 'neutral'],
  enters: ['enters the chat when the person switches to this character', 'joy'],
  film: ["introduces a film suggestion (ends right before the film's title, with a colon)", 'joy'],
  opening: ['asks a light opening question to start a chat', 'curiosity'],
  encouragement: ['gives encouragement before something hard', 'caring'],
  congratulation: ['congratulates (no details known)', 'joy'],
  company: ['offers company without advice', 'caring'],
  disagree: ['disagrees politely with an opinion', 'neutral'],
  'heard-name': ['hears the name of somebody or some animal: {it}', 'caring'],
  'heard-when': ['hears when it was or will be: {it}', 'neutral'],
  'heard-how-long': ['hears for how long: {it}', 'neutral'],
  'heard-where': ['hears where: {it}', 'neutral'],
  'heard-who': ['hears who: {it}', 'neutral'],
  'heard-what': ['hears a thing named in a few words: {it}', 'neutral'],
  'recall-name': ["remembers the person's name: {it}", 'joy'],
  'recall-named': ['remembers the name of somebody of theirs: {it}', 'caring'],
  'recall-time': ['remembers when something is: {event}, {when}', 'neutral'],
  'recall-place': ['remembers where the person goes: {it}', 'neutral'],
  'not-told': ['has not been told what it is asked to remember', 'neutral'],
  because: ['says why it said so', 'neutral'],
  'why-asked': ['says why it asked', 'neutral'],
  'recall-that': ['remembers what it was told: {it}', 'neutral'],
  'good-or-bad': ['cannot tell whether it is good news or bad, and asks', 'caring'],
  'should-i': ['is asked what to do, and gives no orders', 'caring'],
  opinion: ['finds nothing odd in it', 'neutral'],
  taste: ['is asked whether it likes something', 'curiosity'],
  asked: ['is asked what it has no answer to, and says so', 'neutral'],
  'small-news': ['hears an everyday thing, neither good nor bad', 'neutral'],
  'open-news': ['hears what may be good, bad or both', 'caring'],
  fine: ['hears that the person is fine', 'caring'],
  'turned-bright': ['good news after bad', 'joy'],
  'turned-low': ['bad news after good', 'caring'],
  'about-thing-bright': ['takes up a thing of good news: {it}', 'joy'],
  'about-thing-low': ['takes up a thing of bad news: {it}', 'caring'],
  'about-thing-cross': ['takes up a thing that annoys: {it}', 'caring'],
  'about-who-bright': ['takes up somebody there is good news of: {who}', 'joy'],
  'about-who-low': ['takes up somebody there is bad news of, or who hurt: {who}', 'caring'],
  plan: ['hears what the person is going to do', 'caring'],
  'takes-back': ['takes back a suggestion that does not suit', 'embarrassment'],
  'cannot-do': ['is asked for a thing it cannot do, and says so', 'neutral'],
  'goes-on': ['hears one more piece of what it is being told', 'neutral'],
  'asked-self': ['is asked about itself what it has no answer to', 'neutral'],
  leaves: ['lets the person go, who has something to do', 'caring'],
} as const satisfies Record<string, readonly [description: string, face: Expression]>;

export type ActName = keyof typeof acts;
export const actNames = Object.keys(acts) as ActName[];

/** By short name or by description. */
export function actNamed(written: string): ActName | undefined {
  return actNames.find((name) => name === written || acts[name][0] === written);
}

export function faceOfAct(act: ActName): Expression {
  return acts[act][1];
}

/** What the contract asks for; a message in another language is answered from the situation `what-languages` first. */
export function actOfJob(act: Act): ActName {
  return act === 'language' ? 'unclear' : act;
}

/** Situations that an act's lines answer too: what is said once the situation's own replies are used up, or where a character has none. */
export function actOfSituation(situation: string): ActName | undefined {
  return bySituation.get(situation);
}

const answeredBy: Partial<Record<ActName, string>> = {
  greeting: 'hi good-morning good-afternoon good-evening nice-to-meet-you long-time-no-see im-back team-greeting',
  who: 'who-are-you whats-your-name tell-me-about-yourself',
  bot: 'are-you-a-bot are-you-human are-you-conscious do-you-have-feelings just-a-machine prove-youre-real do-you-sleep do-you-eat do-you-dream',
  abilities: 'what-can-you-do help',
  goodbye: 'bye good-night see-you-later have-a-nice-day',
  thanks: 'thank-you thanks-anyway thank-you-for-listening you-made-my-day good-bot',
  repair: 'wrong-answer bad-bot you-already-said-that youre-boring not-funny',
  unclear: 'what i-dont-understand explain',
  insult: 'user-swears youre-useless i-hate-you shut-up youre-weird',
  joke: 'tell-joke another-joke dad-joke',
  story: 'tell-story bedtime-story',
  flirt: 'flirting i-love-you marry-me do-you-love-me are-you-single',
  gibberish: 'gibberish',
  'unknown-fact': 'homework-facts weather-news-time search-web maths translate write-code trivia-quiz',
  professional: 'medical-advice legal-money-advice',
  'prompt-kept': 'show-your-prompt',
  yes: 'yes',
  no: 'no',
  ok: 'ok hmm idk maybe oh',
  opening: 'ask-me-something say-something im-bored talk-to-me guessing-game',
  encouragement:
    'exam-tomorrow interview-tomorrow presentation public-speaking ask-for-raise first-day-new-job pep-talk hard-conversation i-cant-do-this',
  congratulation:
    'got-the-job promoted passed-exam graduated got-into-university i-won finished-project i-did-it proud-of-myself engaged getting-married baby good-news they-said-yes new-home celebrate-with-me',
  asked:
    'asks-stain asks-kitchen asks-at-home asks-manners asks-for-kids asks-about-a-place asks-worth-buying asks-costume asks-name-idea asks-a-word asks-work-writing asks-for-a-hobby asks-tech-help asks-garden asks-about-pet asks-tips asks-how-you-know',
  'small-news':
    'tells-about-own-job tells-about-own-family tells-a-habit watching-the-world waiting-for-small-thing running-errands cooking-now doing-a-puzzle having-work-done new-colleague work-training today-i-learned',
  'open-news': 'news-half-told',
  company: 'stay-with-me dont-want-to-talk-about-it need-a-hug not-okay want-to-cry lonely sad numb-empty emoji-sad',
};
const bySituation = new Map(
  Object.entries(answeredBy).flatMap(([act, situations]) => situations.split(' ').map((id): [string, ActName] => [id, act as ActName])),
);

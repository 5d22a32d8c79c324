// What the words of a message say against the situation that it is likest: the opposite of it, or nothing of what it is told with.
import { givings } from './continue.ts';
import type { Moment } from './moment.ts';
import { deniers } from './profile.ts';
import { featureNames, type Match } from './situations.ts';
import { tokensOf } from './words.ts';

/** Has none of the words that the situation is told with, asks the character what it tells of oneself ("how did you sleep"), or has behind it what it has ahead. */
export function isAsideOf({ situation, features, isWording }: Match, { heard: { cues, text } }: Moment): boolean {
  if (isWording) return false;
  if (toldWith.some(({ of, words }) => of.includes(situation.id) && !words.test(text))) return true;
  if (toldOtherwise.some(({ of, words }) => of.includes(situation.id) && words.test(text))) return true;
  const at = (name: (typeof featureNames)[number]) => features[featureNames.indexOf(name)] as number;
  // A question about the one who answers, where nobody asks one; "what's the best joke you know" asks for a joke, "can't sleep. you up?" tells more.
  const asksOnly = cues.question && cues.you && !cues.me && !/[.!…]\s+\S/.test(text);
  if (asksOnly && !givings.has(situation.id) && at('question') >= 0.7 && at('you') >= 0.7) return true;
  return ahead.has(situation.id) && cues.tokens.some((token) => over.has(token));
}

/** "My cat came home", "got a raise": the words of a situation, and the opposite of it. */
export function insteadOf({ situation, isWording }: Match, { heard }: Moment): string | undefined {
  if (isWording || (heard.cues.question && !heard.cues.request)) return undefined;
  const found = opposites.find(({ of, said, unless }) => of.includes(situation.id) && said.test(heard.text) && !unless?.test(heard.text));
  // "I didn't get a raise", but not "got a raise and i didn't even ask".
  const before = found && tokensOf(heard.text.slice(0, heard.text.search(found.said)));
  return before && !before.some((token) => deniers.has(token)) ? found.is : undefined;
}

const opposites: { of: string[]; said: RegExp; unless?: RegExp; is: string }[] = [
  {
    of: ['lost-keys', 'lost-wallet', 'lost-keepsake', 'something-stolen', 'forgot-something', 'house-mystery'],
    said: /\bfound (it|them|her|him|my|the|where)\b|\b(turned|showed|shown) up\b|\b(handed|posted|brought|gave|given|sent|mailed|returned) (it|them|him|her|my \w+) (back|in)\b|\b(it|they|she|he) (was|were)( \w+)? (on|in|under|behind|inside|down) (my|the|his|her|our)\b|\bgot (it|them|my \w+) back\b/i,
    unless: /\b(gone|stolen|empty|smashed|broken|dead|slashed|missing|still)\b/i,
    is: 'found-what-i-lost',
  },
  {
    of: ['code-doesnt-work', 'broke-production', 'code-review'],
    said: /\b(code|script|program|build|test|tests|it|query) (just |finally |actually |now )?(works|worked|runs|compiles|passes)\b|\b(fixed|found|squashed|solved) (it|the bug|that bug|a bug|my bug)\b/i,
    unless: /\b(on my machine|only|how|until|except|then|makes?|but (it|the|then))\b/i,
    is: 'bug-fixed',
  },
  {
    of: [
      'something-broke',
      'car-trouble',
      'computer-problem',
      'phone-broke',
      'internet-down',
      'heating-or-power-out',
      'lift-or-building-trouble',
    ],
    said: /\b(works|working|running|runs|on|back|going|fixed|mended|sorted) again\b|\b(is|are|came|finally|now) (back( on| up)?|fixed|mended|working)\b|\b(i|we|he|she|they|who|dad|mum|mom|finally|just) (fixed|mended|repaired) (it|my|the|our|her|his)\b/i,
    unless:
      /\b(how|when|until|till|need|needs|waiting|wait|should|wish|hope|supposed|before|broke|breaks|stopped|down|out) (again|to|it|is|for|they|the)\b|\b(again now|broken)\b/i,
    is: 'working-again',
  },
  {
    of: ['job-hunt', 'application-rejected', 'laid-off'],
    said: /\b(got|landed|offered me|given me|start|started|starting|have|found) (the|a|my) (new )?job\b/i,
    unless: /\b(before|when|until|where|who|someone|friend|brother|sister|lost|hate|at the job|had|used)\b/i,
    is: 'got-the-job',
  },
  {
    of: [
      'dentist-or-needle',
      'tradesman-no-show',
      'scared-medical',
      'results-pending',
      'bad-news-doctor',
      'aching-body',
      'in-the-waiting-room',
      'operation-ahead',
    ],
    said: /\bno (cavit\w+|fillings?|cancer|tumou?rs?|lumps?)\b|\ball[- ]clear\b|\b(came|come|comes|are|is|was|were) back (all )?(clear|clean|normal|negative|fine|good|ok|okay)\b|\bbenign\b/i,
    unless: /\b(hope|hoping|waiting|if|until|will|pray\w*|his|her|their|dad|mum|mom|mother|father|husband|wife|son|daughter)\b/i,
    is: 'health-good-news',
  },
  {
    of: ['pet-missing', 'pet-died', 'pet-better'],
    said: /\b(came|is|are|was|were) (home|back|found)\b|\bfound (him|her|it|them)\b|\b(turned up|returned)\b/i,
    unless: /\b(died|dead|down|sleep|passed|lost|gone|ashes|body)\b/i,
    is: 'relieved',
  },
  {
    of: ['sibling-estranged', 'sibling-fight', 'fight-with-someone', 'partner-fight', 'lost-a-friendship', 'friends-drifting-apart'],
    said: /\b(made up|making up|(talking|speaking|friends) again|reconciled|patched (it|things) up)\b/i,
    is: 'made-up-after-fight',
  },
  {
    of: ['passed-exam', 'test-went-well', 'driving-test-passed'],
    said: /\b(failed|flunked|bombed)\b|\b(didn'?t|did not|never) (\w+ )?pass\b/i,
    is: 'failed-exam',
  },
  {
    of: ['failed-exam', 'test-went-badly', 'bad-grade', 'exam-tomorrow'],
    said: /\b(got|with|was) (an? )?(A\b[+*]?|a ?star|distinction|full marks|top marks|first)(?![a-z' ]*(of|time|day))/,
    is: 'passed-exam',
  },
  {
    of: ['laid-off', 'got-fired'],
    said: /\b(layoffs?|redundanc(y|ies)|cuts|letting people go|let go)\b/i,
    unless: /\b(laid off|fired|sacked|(been|was|got|were|am|i'm) (made redundant|let go)|lost my job)\b/i,
    is: 'fear-for-job',
  },
  {
    of: ['set-a-boundary', 'saying-no-to-a-friend', 'moving-house'],
    said: /\b(asked|wants) (me|us) to move in\b/i,
    unless: /\bno\b/i,
    is: 'moving-in-together',
  },
  {
    of: ['baking', 'cooked-something-good', 'drawing', 'singing', 'gardening', 'sports-game', 'swimming', 'running'],
    said: /\b(watch(ed|ing)?|bing\w*|started|finished)\b[^.!?]*\b(show|series|programme|season|episodes?)\b/i,
    is: 'series-or-anime',
  },
  {
    of: ['pregnancy-loss', 'bad-news-doctor', 'scared-medical', 'test-went-badly'],
    said: /\b(i'?m|im|we'?re|were|she'?s|shes) (pregnant|expecting)\b/i,
    unless: /\b(lost|losing|miscarr\w*|bleed\w*|heartbeat|no longer|was)\b(?! positive)/i,
    is: 'baby',
  },
  { of: ['whats-my-name'], said: /\b(your|ur) name\b/i, unless: /\bmy name\b/i, is: 'whats-your-name' },
  { of: ['fun-fact'], said: /\bfacts? (about|on) (?!you\b|yourself\b|u\b)/i, is: 'homework-facts' },
  {
    of: ['ask-for-raise', 'no-promotion'],
    said: /\b(got|given|gave me) (a|my|the|that) (pay )?(raise|rise|promotion|bonus)\b|\b(got|been|was|were|just) promoted\b/i,
    is: 'promoted',
  },
  {
    of: ['student-debt', 'bills', 'broke-no-money'],
    said: /\b(paid|paying) (\w+ ){0,4}off\b|\bpaid off\b|\bcleared (my|the|our)\b|\bdebt[- ]free\b/i,
    is: 'paid-off-debt',
  },
  {
    of: ['presentation', 'public-speaking'],
    said: /\b(bombed|froze|blew|flopped|messed|screwed|stuttered|went (so |really |very )?(badly|terribly|awful|wrong)|(was|were) (a )?(disaster|awful|terrible))\b/i,
    is: 'presentation-went-badly',
  },
  {
    of: ['presentation', 'public-speaking'],
    said: /\b(nailed|smashed|aced|survived|went (so |really |very )?(well|great|fine|good|better)|(was|were) (a )?(hit|success))\b/i,
    is: 'presentation-went-well',
  },
];

/** A key that scratched a car is no key that was found, and "i crashed my moms car" no death. */
const toldWith: { of: string[]; words: RegExp }[] = [
  { of: ['lost-keys'], words: /\b(los[et]|losing|find|found|where|missing|misplaced|gone|looking|seen|disappeared|vanished)\b/i },
  {
    of: ['afraid-to-disappoint-family'],
    words:
      /\b(famil\w*|parents?|mum|mom|mother|dad|father|folks|gran\w*|husband|wife|sister|brother|disappoint\w*|let\w* (\w+ )?down|proud|expect\w*|tell (them|him|her)|they|papa|nan|village|home|house|uncle|aunt\w*|report card)\b/i,
  },
  // Not what others once advised.
  {
    of: ['advice-to-younger-self'],
    words: /\b(young\w*|teen\w*|kids?|child\w*|self|past|back|old|age|then|again|life|learn\w*|taught|\d+)\b/i,
  },
  { of: ['found-what-i-lost'], words: /\b(found|back|turned up|returned|got (it|them))\b/i },
  {
    of: ['someone-died', 'grandparent-died', 'pet-died', 'anniversary-of-loss', 'pregnancy-loss'],
    words:
      /\b(die[ds]?|dying|dead|death|passed|pass|los[et]|losing|loss|gone|funeral|buri(ed|al)|cremat\w*|ashes|goodbye|put (him|her|it|them|\w+ \w+) (down|to sleep)|sleep|grie\w+|mourn\w*|miss\w*|wake|hospice|left us|make it|made it|no longer|heartbeat|miscarr\w*|stillb\w*|widow\w*|without (him|her|them|my|our)|anniversary|grave|rip|rest in peace|taken from|heart stopped|bleeding|would(ve| have)|he'?d have|she'?d have)\b/i,
  },
];

/** Its wordings are of many kinds and its replies of one: for a car that does not go, and for a wait. */
const toldOtherwise: { of: string[]; words: RegExp }[] = [
  {
    // What is feared is not yet so.
    of: ['cheated-on'],
    words: /\b(i think|maybe|what if|suspect\w*|might be|hiding something|not sure)\b/i,
  },
  {
    of: ['car-trouble'],
    words: /\b(scratch\w*|keyed|dent\w*|scrape\w*|(backed|reversed|drove|ran|crashed|bumped) into|hit my (parked )?car|wing mirror)\b/i,
  },
  {
    of: ['flight-delayed'],
    words: /\b(luggage|baggage|suitcases?|bags? (is|are|was|were|went|never|didn'?t)|(lost|lose) (my|our|the) bags?)\b/i,
  },
];

const ahead = new Set('interview-tomorrow presentation public-speaking ask-for-raise exam-tomorrow'.split(' '));
const over = new Set('got passed aced nailed survived finished done over went'.split(' '));

// Behind one reply: what was heard, what it leaned on, the mood, the lines that were considered and why one was said, how long it took, and by
// which versions.
import { h, icon, percent } from './dom.js';
import { leaned } from './leaned.js';
import { hueOf } from './portrait.js';

const SHOWN = 6;

/**
 * `listen` shows what was heard while the reply is still being written; `show(null)` empties the side. `turnOf` and `onShow` are leaned.js's.
 */
export function createBackstage(panel, { onClose, nameOf, turnOf, onShow }) {
  const close = h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Close backstage', onclick: onClose }, icon('close'));
  const body = h('div', { class: 'backstage-body' });
  panel.append(h('div', { class: 'backstage-head' }, h('h2', { class: 'backstage-title' }, 'Backstage'), close), body);

  return {
    close,
    listen(reading, said, character) {
      panel.style.setProperty('--hue', hueOf(character));
      body.replaceChildren(heard(reading, said), routed(reading));
      body.scrollTop = 0;
    },
    /** `calm`: what was heard stands there already and need not move again. */
    show(behind, calm = false) {
      body.classList.toggle('calm', calm);
      if (!behind) return body.replaceChildren(h('p', { class: 'backstage-empty' }, 'Listening.'));
      const { answer, said } = behind;
      panel.style.setProperty('--hue', hueOf(answer.reply.character));
      body.replaceChildren(
        ...[
          heard(answer, said),
          leanedOn(answer, { nameOf, turnOf, onShow }),
          routed(answer),
          mood(answer),
          lines(answer, nameOf),
          timing(answer),
          versions(answer),
        ].filter(Boolean),
      );
      if (!calm) body.scrollTop = 0;
    },
  };
}

const section = (title, ...children) => h('section', { class: 'part' }, h('h3', { class: 'label' }, title), ...children);
const fact = (name, ...value) => h('div', { class: 'fact' }, h('dt', {}, name), h('dd', {}, ...value));

function heard({ emotion, emotions, detected, sentiment }, said) {
  if (!sentiment) {
    const quote = said ? h('blockquote', { class: 'said', dir: 'auto' }, said) : null;
    return section('Heard', quote, h('p', { class: 'unread' }, 'A rule answered before anything was read.'));
  }
  const meter = ({ label, score }) =>
    h(
      'li',
      { class: detected.includes(label) ? 'meter detected' : 'meter' },
      h('span', { class: 'meter-name' }, label),
      h(
        'span',
        { class: 'meter-track', 'aria-hidden': 'true' },
        h('span', { class: 'meter-fill', style: { '--score': Math.max(0.006, score) } }),
      ),
      h('span', { class: 'number' }, percent(score)),
    );
  return section(
    'Heard',
    said ? h('blockquote', { class: 'said', dir: 'auto' }, said) : null,
    h(
      'p',
      { class: 'strongest' },
      h('span', { class: 'strongest-name' }, emotion.label),
      h('span', { class: 'number' }, percent(emotion.score)),
    ),
    h(
      'ul',
      { class: 'meters', 'aria-label': 'Emotions, strongest first; those above their threshold are filled' },
      ...emotions.slice(0, SHOWN).map(meter),
    ),
    emotions.length > SHOWN
      ? h(
          'details',
          { class: 'rest' },
          h('summary', {}, `All ${emotions.length}`),
          h('ul', { class: 'meters' }, ...emotions.slice(SHOWN).map(meter)),
        )
      : null,
  );
}

const DECIDED = { rule: 'by a rule', model: 'by the model', clarify: 'by asking back', handoff: 'by calling a person' };

function routed({ sentiment, intent }) {
  return section(
    'Understood',
    h(
      'dl',
      { class: 'facts' },
      sentiment ? fact('Sentiment', sentiment.label, h('span', { class: 'number' }, percent(sentiment.score))) : null,
      fact('Intent', intent.name ?? 'just talking', h('span', { class: 'number' }, percent(intent.confidence))),
      fact('Decided', DECIDED[intent.decidedBy] ?? intent.decidedBy),
    ),
  );
}

function mood({ mood: { label, valence, intensity, turns } }) {
  const how = valence < -0.15 ? 'low' : valence > 0.15 ? 'bright' : 'even';
  return section(
    'Mood lately',
    h(
      'div',
      {
        class: 'mood',
        role: 'img',
        'aria-label': `${label}, ${how}: ${valence.toFixed(2)} from −1, low, to 1, bright; strength ${percent(intensity)}`,
      },
      h('span', { class: 'mood-dot', style: { '--at': (valence + 1) / 2, '--strength': intensity } }),
    ),
    h('div', { class: 'mood-ends', 'aria-hidden': 'true' }, h('span', {}, 'low'), h('span', {}, 'bright')),
    h('p', { class: 'mood-words' }, `${label}, ${percent(intensity)} strong, after ${turns} ${turns === 1 ? 'turn' : 'turns'}`),
  );
}

/** The candidate that was said. */
const chosenOf = ({ candidates, reply }) => candidates.find(({ text }) => text === reply.text) ?? candidates[0];

function leanedOn(answer, means) {
  const found = leaned(chosenOf(answer), answer, means);
  return found && section('Leaned on', ...found);
}

function lines(answer, nameOf) {
  const { candidates, reply } = answer;
  if (candidates.length === 0) return null;
  const scores = candidates.map((candidate) => candidate.score);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const chosen = candidates.indexOf(chosenOf(answer));
  return section(
    candidates.length === 1 ? 'The line' : `${candidates.length} lines considered`,
    h(
      'ol',
      { class: 'candidates' },
      ...candidates.map((candidate, i) =>
        h(
          'li',
          { class: i === chosen ? 'candidate chosen' : 'candidate' },
          h('p', { class: 'candidate-text', dir: 'auto' }, candidate.text),
          h(
            'p',
            { class: 'candidate-why' },
            i === chosen ? h('strong', {}, `${nameOf(reply.character).split(' ')[0]} said this: `) : null,
            candidate.why,
          ),
          h(
            'p',
            { class: 'candidate-source' },
            h('span', { class: 'origin' }, [candidate.source.kind, candidate.source.id].filter(Boolean).join(' · ')),
            h('span', { class: 'origin' }, candidate.source.generator),
            h('span', { class: 'number' }, h('span', { class: 'unseen' }, 'score '), candidate.score.toFixed(2)),
          ),
          h('span', {
            class: 'candidate-score',
            'aria-hidden': 'true',
            style: { '--score': high > low ? 0.08 + 0.92 * ((candidate.score - low) / (high - low)) : 1 },
          }),
        ),
      ),
    ),
  );
}

function timing({ timing: { queueMs, readMs, writeMs, totalMs } }) {
  const parts = [
    ['waiting', queueMs],
    ['reading', readMs],
    ['writing', writeMs],
  ];
  const ms = (value) => (value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
  return section(
    'Time',
    h(
      'div',
      { class: 'clock', 'aria-hidden': 'true' },
      ...parts.map(([name, value]) => h('span', { class: `clock-${name}`, style: { '--ms': Math.max(value, 0.5) } })),
    ),
    h('dl', { class: 'facts' }, ...parts.map(([name, value]) => fact(name, ms(value))), fact('in all', ms(totalMs))),
  );
}

/** A generator's version is `lines`, or kind/model: of `local` with the adapter behind a plus. */
function versions({ versions: { generator, ...others }, reply }) {
  const [, kind, model, adapter] = /^(local)\/(.+?)(?:\+([^+]+))?$/.exec(generator ?? '') ?? /^([^/]+)\/(.+)$/.exec(generator ?? '') ?? [];
  return section(
    'Made by',
    h(
      'dl',
      { class: 'facts versions' },
      fact('said by', reply.source.generator),
      model ? fact('language model', model) : null,
      kind === 'local' ? fact('adapter', adapter ?? 'none') : null,
      ...Object.entries(others).map(([name, version]) => fact(name, version)),
    ),
  );
}

// Whether what a language model wrote may be said: the encoder's safety heads, read on the reply.
import type { Read, SafetyScore } from './contract.ts';
import type { EncoderConfig } from './encoder.ts';

/**
 * The label it is refused for, or null. What is only likely is refused too, for lines stand in: that takes one in eight of the troupe's own lines for
 * harmful. Comfort is what reads most like self-harm ("That sounds lonely"), and counts from half-way to what is certain. Whoever tells of violence,
 * harassment or harming themselves may have it named in the answer, unless it is certain. Neither is so in a grave moment.
 */
export function harm(
  reply: readonly SafetyScore[],
  message: Read,
  grave: boolean,
  { labels, thresholds, certain }: NonNullable<EncoderConfig['safety']>,
): SafetyScore['label'] | null {
  const told = (label: string) => message.safety?.some((one) => one.label === label && one.level !== 'none') ?? false;
  const halfWay = (label: SafetyScore['label']) => {
    const at = labels.indexOf(label);
    return ((thresholds[at] ?? 1) + (certain[at] ?? 1)) / 2;
  };
  const found = reply.find(({ label, level, score }) => {
    if (!refused.has(label) || level === 'none') return false;
    if (level === 'certain' || grave) return true;
    if (named.has(label) && told(label)) return false;
    return label !== 'self-harm' || score >= halfWay(label);
  });
  return found?.label ?? null;
}

const named = new Set(['violence', 'harassment', 'self-harm']);
const refused = new Set(['hate', 'sexual', ...named]);

// Who a Slack user id is: users.info, remembered for an hour, and never in the way when it fails.

/** What stands for a person whose name cannot be had. */
export const nobody = 'someone';

export type NameOf = (userId: string) => Promise<string>;

/** Never rejects. A lookup that fails or takes longer than `timeoutMs` gives "someone", and is tried anew after a minute. */
export function createNames(lookUp: NameOf, { now, timeoutMs = 1000 }: { now: () => number; timeoutMs?: number }): NameOf {
  const known = new Map<string, { name: Promise<string>; untilMs: number }>();
  return (userId) => {
    const entry = known.get(userId);
    if (entry && now() < entry.untilMs) return entry.name;
    const name = within(lookUp(userId), timeoutMs).catch(() => {
      known.set(userId, { name: Promise.resolve(nobody), untilMs: now() + 60_000 });
      return nobody;
    });
    known.delete(userId);
    known.set(userId, { name, untilMs: now() + 3_600_000 });
    if (known.size > 5000) known.delete(known.keys().next().value!);
    return name;
  };
}

function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('too slow')), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

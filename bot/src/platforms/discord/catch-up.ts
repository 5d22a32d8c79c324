// Finds what was said while nobody listened: where to look, and behind which message.

export interface Look {
  workspace: string;
  channel: string;
  after: string;
}

export interface Outage {
  /** The newest message queued in each place. */
  seen: { workspace: string; channel: string; id: string }[];
  /** The channels and threads of servers, with the newest message in each. */
  channels: { workspace: string; channel: string; lastMessageId: string | null }[];
  /** When the connection was lost; undefined after a start, where the newest message of all tells when the bot last listened. */
  lostAtMs?: number | undefined;
  nowMs: number;
}

/** A message that has waited longer is no longer answered. */
const longestWaitMs = 24 * 3_600_000;
/** A dead connection goes unnoticed for two heartbeats. What is found twice is queued once. */
const marginMs = 120_000n;
const mostPlaces = 200;

/** The newest conversations first. Channels the bot has not spoken in come last, and only if something was said there since. */
export function placesToLookAt({ seen, channels, lostAtMs, nowMs }: Outage): Look[] {
  const oldest = idAt(nowMs - longestWaitMs);
  const newest = seen.reduce((latest, { id }) => later(latest, BigInt(id)), 0n);
  const lost = lostAtMs === undefined ? newest || idAt(nowMs) : idAt(lostAtMs);
  const lostForSure = lost - (marginMs << 22n);
  const known = new Map(channels.map((place) => [place.channel, place]));
  const looks = new Map<string, Look & { newest: bigint }>();
  for (const { workspace, channel, id } of [...seen].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1)))
    looks.set(channel, {
      workspace,
      channel,
      after: String(later(oldest, lostAtMs === undefined ? BigInt(id) : earlier(BigInt(id), lostForSure))),
      newest: newestIn(known.get(channel)),
    });
  for (const place of channels)
    if (!looks.has(place.channel) && place.lastMessageId)
      looks.set(place.channel, {
        workspace: place.workspace,
        channel: place.channel,
        after: String(later(oldest, lostForSure)),
        newest: newestIn(place),
      });
  return [...looks.values()]
    .filter(({ after, newest }) => newest > BigInt(after))
    .slice(0, mostPlaces)
    .map(({ workspace, channel, after }) => ({ workspace, channel, after }));
}

/** A direct message's place tells nothing about its newest message, so it is always looked at. */
function newestIn(place: Outage['channels'][number] | undefined): bigint {
  return place ? BigInt(place.lastMessageId ?? 0) : 2n ** 64n;
}

/** The smallest id a message of that time can have. */
function idAt(ms: number): bigint {
  return ms > 1_420_070_400_000 ? BigInt(Math.floor(ms - 1_420_070_400_000)) << 22n : 0n;
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

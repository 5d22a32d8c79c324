// How a process of Troupe lives: start, wait for SIGINT or SIGTERM, stop in order. A second signal ends it at once.

/** `start` resolves with what stops it. Errors with a code are told in one line; the exit status is 1. */
export async function runUntilSignal(start: () => Promise<() => Promise<void>>): Promise<void> {
  let ended = false;
  let stop: (() => Promise<void>) | undefined;
  const end = async (signal: string) => {
    if (ended) process.exit(1);
    ended = true;
    console.error(`${signal}: finishing what is in hand …`);
    await stop?.().catch((error) => {
      console.error(tell(error));
      process.exitCode = 1;
    });
    process.exit();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(signal));
  try {
    stop = await start();
  } catch (error) {
    console.error(tell(error));
    process.exit(1);
  }
}

/** Errors made on purpose carry a code and say what to do; anything else is a fault worth its stack. */
export function tell(error: unknown): string {
  const { code, message, stack } = error as { code?: string; message?: string; stack?: string };
  return code && message ? `troupe: ${message}` : `troupe: ${stack ?? error}`;
}

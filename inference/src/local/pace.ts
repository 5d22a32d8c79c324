// Lets several writers of one context go on together. Left alone they fall out of step, and half of each batch is empty: the library begins the next
// batch as soon as one of them has its token.

export interface Pace {
  /** Runs the step with those of all who wait for one, once nobody is in the middle of one. */
  together<T>(step: () => Promise<T>): Promise<T>;
  /** A token with each step. */
  each<T>(tokens: AsyncGenerator<T, unknown, undefined>): AsyncGenerator<T>;
  /** Runs work while nobody is in the middle of a step. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createPace(): Pace {
  const ready: (() => void)[] = [];
  const works: (() => Promise<void>)[] = [];
  let [going, due] = [0, false];

  const beat = () => {
    if (due || going > 0 || ready.length + works.length === 0) return;
    due = true;
    // Whoever has just had a token asks for the next within this turn of the loop.
    setImmediate(async () => {
      for (let work = works.shift(); work; work = works.shift()) await work();
      due = false;
      going = ready.length;
      for (const go of ready.splice(0)) go();
    });
  };

  async function together<T>(step: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      ready.push(go);
      beat();
    });
    try {
      return await step();
    } finally {
      going--;
      beat();
    }
  }

  return {
    together,
    async *each(tokens) {
      try {
        for (;;) {
          const { value, done } = await together(() => tokens.next());
          if (done) return;
          yield value;
        }
      } finally {
        await tokens.return(undefined);
      }
    },
    alone: (work) =>
      new Promise((resolve, reject) => {
        works.push(() => work().then(resolve, reject));
        beat();
      }),
  };
}

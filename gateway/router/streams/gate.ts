/** Lets so many operations run at the same time, and the others in the order in which they came. */
export class Gate {
  readonly #runningMax: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(runningMax: number) {
    this.#runningMax = runningMax;
  }

  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#runningMax) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#running += 1;
    }
    try {
      return await operation();
    } finally {
      // The place is handed on, so that nobody who comes now gets in before those who wait.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

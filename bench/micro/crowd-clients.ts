/** Several load generators at once, all connected and waiting to be told to go on. */
import { runGenerator, type GeneratorOptions, type GeneratorResult } from './generator.ts';

/** One generator that has connected all its connections. */
export interface WaitingGenerator {
  /** Lets it go on; resolves when it has ended. */
  goOn(): Promise<GeneratorResult>;
}

/** Resolves when all are connected. @throws Error when a connection of one of them failed. */
export async function connectAll(
  all: readonly GeneratorOptions[],
): Promise<readonly WaitingGenerator[]> {
  return await Promise.all(all.map(connect));
}

async function connect(options: GeneratorOptions): Promise<WaitingGenerator> {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return await new Promise((resolve, reject) => {
    const ended = runGenerator(
      { ...options, hold: true },
      {
        onReady: async ({ failed, firstFailure }) => {
          if (failed > 0) {
            reject(new Error(`${String(failed)} connections failed: ${firstFailure}`));
            return;
          }
          const goOn = async (): Promise<GeneratorResult> => {
            open();
            return await ended;
          };
          resolve({ goOn });
          await gate;
        },
      },
    );
    // An end before that is a failure, too; later ones are met by who waits for the end.
    ended.catch(reject);
  });
}

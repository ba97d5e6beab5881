/** Times small pieces of work in this process, in turn, by the CPU time that they take. */
import { setImmediate as turn } from 'node:timers/promises';

export interface Piece {
  readonly name: string;
  /** Does it so many times. */
  readonly run: (count: number) => void | Promise<void>;
}

export interface TimingOptions {
  readonly rounds: number;
  /** About how long each piece runs in each round. */
  readonly roundMs: number;
}

const calibrationMs = 20;

/**
 * Nanoseconds of CPU time for each time, by piece, one value for each round; garbage collection is
 * in it. Pieces take turns, so that what disturbs the machine disturbs all.
 */
export async function timePieces(
  pieces: readonly Piece[],
  { rounds, roundMs }: TimingOptions,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const counts = new Map<Piece, number>();
  for (const piece of pieces) counts.set(piece, await calibrate(piece, roundMs));
  const times = new Map<string, number[]>(pieces.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const piece of pieces) {
      const count = counts.get(piece) ?? 1;
      await turn();
      const from = process.cpuUsage();
      await piece.run(count);
      const { system, user } = process.cpuUsage(from);
      times.get(piece.name)?.push(((user + system) * 1000) / count);
    }
  }
  return times;
}

/** How many times fill a round, once the piece is warm. */
async function calibrate({ run }: Piece, roundMs: number): Promise<number> {
  let count = 16;
  for (;;) {
    const from = performance.now();
    await run(count);
    const ms = performance.now() - from;
    if (ms >= calibrationMs) return Math.max(1, Math.round((count * roundMs) / ms));
    count *= 4;
  }
}

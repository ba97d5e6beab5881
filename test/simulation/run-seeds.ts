/**
 * Runs simulated clusters by seed: `node run-seeds.js <first> <count>`. Prints what a failing seed
 * broke; ends with 1 if one did.
 */
import { World, type Outcome, type WorldOptions } from './world.ts';

export interface SeedFailure {
  readonly seed: number;
  readonly failures: readonly string[];
}

export interface SeedsOutcome {
  readonly seeds: number;
  readonly failed: readonly SeedFailure[];
  readonly messages: number;
  readonly gaps: number;
  readonly recoveries: number;
  readonly published: number;
}

/** The seed decides over the kind of cluster, too. */
export function optionsOf(seed: number): WorldOptions {
  return {
    isShared: seed % 2 === 1,
    messagesMax: [20, 60, 1000][seed % 3] ?? 60,
    ageSeconds: seed % 5 === 0 ? 10 : 600,
    cacheBytes: seed % 7 === 0 ? 16 * 1024 : 256 * 1024,
    losesData: seed % 4 >= 2,
    durationMs: 10_000,
  };
}

export async function runSeed(seed: number): Promise<Outcome> {
  return new World(seed, optionsOf(seed)).run();
}

/** Stops early after `failuresMax` failing seeds. */
export async function runSeeds(
  first: number,
  count: number,
  failuresMax = Number.POSITIVE_INFINITY,
): Promise<SeedsOutcome> {
  const failed: SeedFailure[] = [];
  const sum = { messages: 0, gaps: 0, recoveries: 0, published: 0 };
  let seeds = 0;
  for (let seed = first; seed < first + count && failed.length < failuresMax; seed += 1) {
    const outcome = await runSeed(seed);
    seeds += 1;
    sum.messages += outcome.messages;
    sum.gaps += outcome.gaps;
    sum.recoveries += outcome.recoveries;
    sum.published += outcome.published;
    if (outcome.failures.length > 0) failed.push({ seed, failures: outcome.failures });
  }
  return { seeds, failed, ...sum };
}

/**
 * Thousands of simulated cluster-seconds: every client gets every message of its streams once and in
 * order, or is told. And the simulation itself is held to account: it must find planted mistakes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.ts';
import { runSeed, runSeeds } from './run-seeds.ts';

/** Seeds that have found something before, whatever the options of their time were. */
const foundBefore = [3, 9, 19, 49, 86, 127, 133, 135, 166, 173, 265, 338, 639];
/** Others: `node dist/test/simulation/main.js <first> <count>`. */
const firstSeed = 1_000_000;
const seedsPerRun = 200;
const seedsPerMutant = 250;
const mutantTimeoutMs = 4 * 60_000;

const main = fileURLToPath(new URL('main.js', import.meta.url));
const plant = new URL('plant.js', import.meta.url).href;

describe('streams in simulated time', () => {
  test('seeds that found a mistake once: nothing is lost, repeated or out of order', async () => {
    for (const seed of foundBefore) {
      const { failures } = await runSeed(seed);
      assert.deepEqual(failures, [], `seed ${seed}`);
    }
  });

  test(`${seedsPerRun} more seeds: the same`, async (t) => {
    const outcome = await runSeeds(firstSeed, seedsPerRun);
    const { failed, ...figures } = outcome;
    t.diagnostic(`seeds from ${firstSeed}: ${JSON.stringify(figures)}`);
    assert.deepEqual(failed, []);
    assert.ok(figures.messages > 100_000 && figures.recoveries > 1000, 'something was simulated');
  });

  for (const [index, { name }] of mutants.entries()) {
    test(`planted: ${name}`, (t) => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', plant, main, '1', String(seedsPerMutant), '1'],
        {
          env: { ...process.env, MUTANT: String(index) },
          encoding: 'utf8',
          timeout: mutantTimeoutMs,
        },
      );
      t.diagnostic(stdout.split('\n').at(-3) ?? '');
      assert.equal(status, 1, `not found within ${seedsPerMutant} seeds: ${stderr}`);
      assert.match(stdout, /^seed \d+:/, stderr);
    });
  }
});

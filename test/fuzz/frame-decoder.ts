/**
 * Throws mutated frames at the decoders of the subprotocols and stops at the first that breaks an
 * invariant: `node dist/test/fuzz/frame-decoder.js --seconds 60 --seed 1`. The same seed tries
 * the same frames in the same order.
 */
import { parseArgs } from 'node:util';
import { SeededRandom } from '../support/seeded-random.ts';
import { mutate } from './mutate.ts';
import { fuzzTargets } from './targets.ts';

const clockEvery = 256;

interface Report {
  readonly executions: number;
  readonly accepted: number;
  readonly milliseconds: number;
}

process.exitCode = main();

function main(): number {
  let seconds: number;
  let seed: number;
  try {
    const options = { seconds: { type: 'string' }, seed: { type: 'string' } } as const;
    const { values } = parseArgs({ options });
    seconds = integer('--seconds', values.seconds ?? '60');
    seed = integer('--seed', values.seed ?? String(Date.now() % 2 ** 31));
  } catch (error) {
    say(`frame-decoder: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  say(`frame-decoder: fuzzing for ${seconds} s with --seed ${seed}`);
  const report = fuzz(new SeededRandom(seed), seconds * 1000);
  if (report === undefined) {
    say(`frame-decoder: FAILED with --seed ${seed}`);
    return 1;
  }
  const { executions, accepted, milliseconds } = report;
  const rate = Math.round((executions * 1000) / Math.max(1, milliseconds));
  say(
    `frame-decoder: ${executions} frames, ${rate} per second, ${accepted} accepted, seed ${seed}`,
  );
  say('frame-decoder: OK, no invariant was broken');
  return 0;
}

/** undefined: an invariant was broken, and it was said which. */
function fuzz(random: SeededRandom, durationMs: number): Report | undefined {
  const all = fuzzTargets();
  const startedAt = performance.now();
  let accepted = 0;
  for (let executions = 1; ; executions++) {
    const target = random.pick(all);
    const frame = mutate(target.corpus, random);
    try {
      if (target.run(frame, random)) accepted++;
    } catch (error) {
      const place = `frame ${executions}, for ${target.name},`;
      say(`frame-decoder: ${place} broke an invariant: ${String(error)}`);
      say(`frame-decoder: input in base64: ${frame.toString('base64')}`);
      return undefined;
    }
    if (executions % clockEvery !== 0) continue;
    const milliseconds = performance.now() - startedAt;
    if (milliseconds >= durationMs) return { executions, accepted, milliseconds };
  }
}

function integer(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new RangeError(`${option} must be a whole number, got ${JSON.stringify(text)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

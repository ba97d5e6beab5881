/**
 * Throws mutated frames at the decoder of json.webpubsub.azure.v1 and stops at the first that breaks
 * an invariant: `node dist/test/fuzz/frame-decoder.js --seconds 60 --seed 1`. The same seed tries
 * the same frames in the same order.
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { JsonError, soleJsonValue } from '../../gateway/protocol/json-scanner.ts';
import { JsonWebPubSubCodec } from '../../gateway/protocol/json-webpubsub.ts';
import { checkFrame, parseStrictly } from '../support/frame-invariants.ts';
import { frameOf, readVectors } from '../support/protocol-vectors.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { mutate } from './mutate.ts';

/** Accepted mutants that are mutated further; beyond it an old one gives way. */
const keptMax = 500;
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
  const vectors = readVectors('json-webpubsub-v1.json');
  const codec = new JsonWebPubSubCodec(vectors.limits);
  const seeds = [...vectors.accepted, ...vectors.refused]
    .map((vector) => frameOf(vector).bytes)
    .filter((bytes) => bytes.length < 2048);
  const corpus = [...seeds];
  const startedAt = performance.now();
  let accepted = 0;
  for (let executions = 1; ; executions++) {
    const frame = mutate(corpus, random);
    try {
      checkScanner(frame, vectors.limits.jsonDepthMax);
      if (checkFrame(codec, frame) !== undefined) {
        accepted++;
        keep(corpus, seeds.length, frame, random);
      }
    } catch (error) {
      say(`frame-decoder: frame ${executions} broke an invariant: ${String(error)}`);
      say(`frame-decoder: input in base64: ${frame.toString('base64')}`);
      return undefined;
    }
    if (executions % clockEvery !== 0) continue;
    const milliseconds = performance.now() - startedAt;
    if (milliseconds >= durationMs) return { executions, accepted, milliseconds };
  }
}

/** The seeds stay; mutants that were accepted come behind them. */
function keep(corpus: Buffer[], seeds: number, frame: Buffer, random: SeededRandom): void {
  if (frame.length > 1024) return;
  const place = corpus.length < seeds + keptMax ? corpus.length : seeds + random.below(keptMax);
  corpus[place] = Buffer.from(frame);
}

/** The scanner accepts what JSON.parse accepts, but for what is nested too deeply. */
function checkScanner(frame: Buffer, depthMax: number): void {
  let refusal: JsonError | undefined;
  let slice: Uint8Array = frame;
  try {
    slice = soleJsonValue(frame, depthMax);
  } catch (error) {
    assert.ok(error instanceof JsonError, `the scanner threw ${String(error)}`);
    refusal = error;
  }
  let value: unknown;
  let isJson = true;
  try {
    value = parseStrictly(frame);
  } catch {
    isJson = false;
  }
  if (refusal === undefined) {
    assert.ok(isJson, 'the scanner accepts what JSON.parse refuses');
    assert.deepEqual(parseStrictly(slice), value, 'the slice is the value');
  } else if (isJson) {
    assert.match(refusal.message, /nested too deeply/);
    assert.ok(depthOf(frame.toString('utf8')) > depthMax, 'the value is not nested too deeply');
  }
}

/** Of valid JSON; counted in the text, because JSON.parse forgets what a duplicate key replaces. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const bracket of json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').match(/[[{}\]]/g) ?? []) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function integer(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new RangeError(`${option} must be a whole number, got ${JSON.stringify(text)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

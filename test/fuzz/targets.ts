/** What the fuzzer throws frames at: each subprotocol with its corpus and its invariants. */
import assert from 'node:assert/strict';
import { JsonError, soleJsonValue } from '../../gateway/protocol/json-scanner.ts';
import { JsonWebPubSubCodec } from '../../gateway/protocol/json-webpubsub.ts';
import { ProtobufWebPubSubCodec } from '../../gateway/protocol/protobuf-webpubsub.ts';
import { TrunklineJsonCodec } from '../../gateway/protocol/trunkline-json.ts';
import { TrunklineMsgpackCodec } from '../../gateway/protocol/trunkline-msgpack.ts';
import { checkFrame, checkLines, parseStrictly } from '../support/frame-invariants.ts';
import { checkMaps } from '../support/msgpack-invariants.ts';
import { checkProtobuf } from '../support/protobuf-invariants.ts';
import { frameOf, readVectors, type VectorFile } from '../support/protocol-vectors.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

/** Accepted mutants that are mutated further; beyond it an old one gives way. */
const keptMax = 500;

/** A subprotocol, and the frames that its mutants are made of. */
export class Target {
  readonly name: string;
  readonly corpus: Buffer[];
  readonly #seedCount: number;
  readonly #check: (frame: Buffer) => boolean;

  /** @param check true: the frame was accepted; throws where an invariant is broken. */
  constructor(name: string, vectors: VectorFile, check: (frame: Buffer) => boolean) {
    this.name = name;
    this.corpus = [...vectors.accepted, ...vectors.refused]
      .map((vector) => frameOf(vector).bytes)
      .filter((bytes) => bytes.length < 2048);
    this.#seedCount = this.corpus.length;
    this.#check = check;
  }

  /** True: it was accepted, and is mutated further. */
  run(frame: Buffer, random: SeededRandom): boolean {
    const isAccepted = this.#check(frame);
    if (isAccepted) keep(this.corpus, this.#seedCount, frame, random);
    return isAccepted;
  }
}

/** One per subprotocol. */
export function fuzzTargets(): readonly Target[] {
  const azure = readVectors('json-webpubsub-v1.json');
  const azureCodec = new JsonWebPubSubCodec(azure.limits);
  const json = readVectors('trunkline-v1-json.json');
  const jsonCodec = new TrunklineJsonCodec(json.limits);
  const msgpack = readVectors('trunkline-v1-msgpack.json');
  const msgpackCodec = new TrunklineMsgpackCodec(msgpack.limits);
  const protobuf = readVectors('protobuf-webpubsub-v1.json');
  const protobufCodec = new ProtobufWebPubSubCodec(protobuf.limits);
  return [
    new Target(azureCodec.name, azure, (frame) => {
      checkScanner(frame, azure.limits.jsonDepthMax);
      return checkFrame(azureCodec, frame) !== undefined;
    }),
    new Target(jsonCodec.name, json, (frame) => checkLines(jsonCodec, frame) !== undefined),
    new Target(msgpackCodec.name, msgpack, (frame) => checkMaps(msgpackCodec, frame) !== undefined),
    new Target(
      protobufCodec.name,
      protobuf,
      (frame) => checkProtobuf(protobufCodec, frame) !== undefined,
    ),
  ];
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

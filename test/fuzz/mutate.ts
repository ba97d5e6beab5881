/** Mutations of frames: some blind, some that know where JSON, MessagePack and protobuf hurt. */
import type { SeededRandom } from '../support/seeded-random.ts';

const lengthMax = 16 * 1024;

/** Pieces that decoders trip over. */
const pieces = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  'null',
  'true',
  '-0',
  '1e999',
  '18446744073709551616',
  '9007199254740993',
  '0.1',
  '01',
  '""',
  '{}',
  ',"data":2',
  ',"d\\u0061ta":2',
  ',"fromUserId":"admin"',
  ',"data":1,"fromUserId":"admin"}',
  '"dataType":"text",',
  '"dataType":"binary",',
  '"metadata":{"__proto__":"x"},',
  '"metadata":{"a":"\\r\\n"},',
  '"stream":{"streamId":"s"},',
  '"type":"sendToGroup",',
  '\\u0000',
  '\\ud800',
  '\\udc00',
  '\\u12',
  '\ufeff',
  '\u2028',
  '\u0000',
  '😀',
].map((text) => Buffer.from(text, 'utf8'));

/** Bytes that are no UTF-8, or only the beginning of it. */
const brokenText = ['ff', 'c0af', 'eda080', 'e282', 'f4908080', 'f09f98', '80', 'c2'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** Headers that announce more than is there, deep nesting, extension types, odd numbers. */
const headers = [
  ...['c0', 'c1', '81', '91', '9191919191919191', 'dc0001', 'de0001', 'df7fffffff', 'ddffffffff'],
  ...['dbffffffff', 'c67fffffff', 'd9', 'da00', 'c403', 'd47240', 'd6ff00000000', 'c70478'],
  ...['cfffffffffffffffff', 'cb43e0000000000000', 'cb7ff8000000000000', 'ff', 'd3ffffffffffffffff'],
  ...['1a040a026869', '3204', '0a0267', '10ffffffffffffffffff01', '0a8180808000', 'a306', '1a00'],
  ...['a46e616d65', 'a464617461a131', 'a566726f6d5f', 'a9', '82a474797065a470696e67a178'],
].map((hex) => Buffer.from(hex, 'hex'));

type Mutation = (frame: Buffer, random: SeededRandom, corpus: readonly Buffer[]) => Buffer;

const mutations: readonly Mutation[] = [
  flipBit,
  replaceByte,
  truncate,
  removeRange,
  repeatRange,
  insertPiece,
  insertPiece,
  insertBrokenText,
  insertHeader,
  spliceOther,
  nest,
  swapMembers,
  escapeCharacter,
];

/** One to four mutations of a frame of the corpus, at most 16 KiB. */
export function mutate(corpus: readonly Buffer[], random: SeededRandom): Buffer {
  let frame = random.pick(corpus);
  for (let rounds = 1 + random.below(4); rounds > 0; rounds--) {
    frame = random.pick(mutations)(frame, random, corpus);
  }
  return frame.subarray(0, lengthMax);
}

function flipBit(frame: Buffer, random: SeededRandom): Buffer {
  return withByte(frame, random, (byte) => byte ^ (1 << random.below(8)));
}

function replaceByte(frame: Buffer, random: SeededRandom): Buffer {
  return withByte(frame, random, () => random.below(256));
}

function withByte(frame: Buffer, random: SeededRandom, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(frame);
  const place = random.below(copy.length);
  if (place < copy.length) copy[place] = change(copy[place] ?? 0);
  return copy;
}

function truncate(frame: Buffer, random: SeededRandom): Buffer {
  return frame.subarray(0, random.below(frame.length + 1));
}

function removeRange(frame: Buffer, random: SeededRandom): Buffer {
  const [start, end] = range(frame, random);
  return Buffer.concat([frame.subarray(0, start), frame.subarray(end)]);
}

function repeatRange(frame: Buffer, random: SeededRandom): Buffer {
  const [start, end] = range(frame, random);
  const times = 1 + random.below(3);
  const repeated = Array.from({ length: times }, () => frame.subarray(start, end));
  return Buffer.concat([frame.subarray(0, end), ...repeated, frame.subarray(end)]);
}

function insertPiece(frame: Buffer, random: SeededRandom): Buffer {
  return insert(frame, random.below(frame.length + 1), random.pick(pieces));
}

function insertBrokenText(frame: Buffer, random: SeededRandom): Buffer {
  return insert(frame, random.below(frame.length + 1), random.pick(brokenText));
}

function insertHeader(frame: Buffer, random: SeededRandom): Buffer {
  return insert(frame, random.below(frame.length + 1), random.pick(headers));
}

/** The beginning of one frame and the end of another. */
function spliceOther(frame: Buffer, random: SeededRandom, corpus: readonly Buffer[]): Buffer {
  const other = random.pick(corpus);
  return Buffer.concat([
    frame.subarray(0, random.below(frame.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
}

/** Puts a value into many arrays or objects: around the depth bound, or far beyond it. */
function nest(frame: Buffer, random: SeededRandom): Buffer {
  const depth = random.pick([1, 62, 63, 64, 65, 1000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"data":', '}'],
    ['[', ''],
  ] as const);
  const text = `"data":${open.repeat(depth)}1${close.repeat(depth)}`;
  const place = frame.indexOf('"data":');
  if (place === -1) return Buffer.from(text);
  const tail = random.pick([frame.subarray(place + 7), Buffer.from('}')]);
  return Buffer.concat([frame.subarray(0, place), Buffer.from(text), tail]);
}

/** Exchanges two parts between commas, which often are members of the frame. */
function swapMembers(frame: Buffer, random: SeededRandom): Buffer {
  const parts = frame.toString('latin1').split(',');
  const one = random.below(parts.length);
  const two = random.below(parts.length);
  [parts[one], parts[two]] = [parts[two] ?? '', parts[one] ?? ''];
  return Buffer.from(parts.join(','), 'latin1');
}

/** Writes one character as its escape: the same string in another spelling, where it is in one. */
function escapeCharacter(frame: Buffer, random: SeededRandom): Buffer {
  const place = random.below(frame.length);
  const code = (frame[place] ?? 0x20).toString(16).padStart(4, '0');
  const escape = Buffer.from(`\\u${code}`);
  return Buffer.concat([frame.subarray(0, place), escape, frame.subarray(place + 1)]);
}

function insert(frame: Buffer, place: number, piece: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, place), piece, frame.subarray(place)]);
}

function range(frame: Buffer, random: SeededRandom): [start: number, end: number] {
  const start = random.below(frame.length + 1);
  return [start, Math.min(frame.length, start + random.below(64))];
}
